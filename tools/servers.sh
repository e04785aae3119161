#!/usr/bin/env bash
# Brings what the integration tests need and this machine lacks: the jars of Apache Kafka (Maven), a redis-server, and
# toxiproxy (Go) for faults of the network.
# Says what it could not bring; the tests then say it again, loudly, and fail where CI=true.
set -uo pipefail
cd "$(dirname "$0")/.."
kafka=.cache/kafka/lib
redis=.cache/redis
toxiproxy=.cache/toxiproxy

if ! ls "$kafka"/kafka_2.13-*.jar >/dev/null 2>&1; then
    if command -v mvn >/dev/null && command -v java >/dev/null; then
        echo "fetching Apache Kafka into $kafka (43 MB)"
        mvn -q -B -f tools/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory="$PWD/$kafka" ||
            echo "Kafka: Maven could not fetch the jars; the integration tests will say so" >&2
    else
        echo "Kafka: needs Java 17 and Maven on PATH; the integration tests will say so" >&2
    fi
fi

if ! command -v redis-server >/dev/null && [ ! -x "$redis/redis-server" ]; then
    # Debian's redis-tools holds the server's binary under another name, and starts no daemon.
    if [ ! -x /usr/bin/redis-check-rdb ] && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        echo "installing redis-tools (a real Redis, no daemon)"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq redis-tools; } >/dev/null 2>&1 || true
    fi
    if [ -x /usr/bin/redis-check-rdb ]; then
        mkdir -p "$redis" && ln -sf /usr/bin/redis-check-rdb "$redis/redis-server"
    else
        echo "Redis: no redis-server on PATH and none could be installed; the integration tests will say so" >&2
    fi
fi
if [ ! -x "$toxiproxy/server" ]; then
    if command -v go >/dev/null; then
        echo "building toxiproxy into $toxiproxy"
        GOBIN="$PWD/$toxiproxy" go install github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0 >/dev/null 2>&1 ||
            echo "toxiproxy: go install failed; faults of the network are left out, and said so" >&2
    else
        echo "toxiproxy: needs Go on PATH; faults of the network are left out, and said so" >&2
    fi
fi
exit 0
