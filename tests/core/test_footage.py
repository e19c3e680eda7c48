"""Real pictures as RTP payloads: what encoding them leaves behind."""

import os

from tests.core.footage import AV1, Camera


def test_encoding_makes_no_thread_of_the_process_more_urgent_than_others() -> None:
    camera = Camera(AV1, width=160, height=96, kbps=100)
    camera.frame(keyframe=True)
    threads = [int(thread) for thread in os.listdir("/proc/self/task")]
    assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_OTHER}
