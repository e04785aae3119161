import asyncio

from stream.app.supervisor import ThreadService


class Work:
    def __init__(self) -> None:
        self.alive = False
        self.failure: Exception | None = None
        self.stopped = False

    def start(self) -> None:
        self.alive = True

    def stop(self, timeout: float = 5.0) -> bool:
        self.stopped = timeout > 0
        self.alive = False
        return True


def run(work: Work, *, end: bool) -> list[BaseException]:
    failures: list[BaseException] = []

    async def story() -> None:
        service = ThreadService("work", work, failures.append)
        await service.start()
        assert work.alive
        if end:
            work.alive = False
            await asyncio.sleep(0.4)
        await service.stop()

    asyncio.run(story())
    return failures


def test_a_thread_is_started_and_stopped_with_its_service() -> None:
    work = Work()
    assert run(work, end=False) == []
    assert work.stopped


def test_a_thread_that_fails_is_told_with_its_reason() -> None:
    work = Work()
    work.failure = OSError("disk")
    assert run(work, end=True) == [work.failure]


def test_a_thread_that_ends_unasked_is_a_failure() -> None:
    assert "work ended unasked" in str(run(Work(), end=True)[0])
