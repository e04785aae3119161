"""The topic `history`: what monitors know and no log tells again, compacted to the newest of each."""
