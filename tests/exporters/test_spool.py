"""SpoolingExporter: what could not be delivered waits in a folder, and leaves with whoever comes next."""

from __future__ import annotations

import asyncio
import logging
import os
import time
import warnings
from contextlib import suppress
from contextvars import copy_context

import pytest

from polymeter import Metrics
from polymeter.data import Counter, MetricDefinition, Snapshot, Tags
from polymeter.deadline import Deadline, current_deadline
from polymeter.errors import DefinitionError, DeliveryError, ExportError
from polymeter.exporters import (
    CallbackExporter,
    JsonLinesExporter,
    NullExporter,
    PrometheusExporter,
    PushgatewayExporter,
    SpoolingExporter,
)
from polymeter.exporters.spool import SpoolHealth
from polymeter.exporters.spool.content import VERSION
from polymeter.exporters.spool.share import Share
from polymeter.frames import frame
from polymeter.testing import ManualClock
from polymeter.testing.contracts.registry.child import answer_of_a_child
from tests.pump.exporters import Recording
from tests.registries.shared.interrupted import Interrupted, RaisingAt

DAY = 86_400


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.CRITICAL, "polymeter")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


class Process:
    """What a process has: a facade whose one exporter spools, and a back end that may be out of order."""

    def __init__(self, folder, temporality="delta", **options):
        self.back_end = Recording(temporality)
        self.exporter = SpoolingExporter(self.back_end, folder, **options)
        self.metrics = Metrics(clock=ManualClock()).export_to(
            self.exporter, ambiguous=options.get("ambiguous", "resend")
        )

    def record(self, amount):
        self.metrics.registry.counter("calls", increment=amount)

    def export(self, error=None):
        """Export, to a back end that fails with ``error``."""
        self.back_end.error = error
        if error is None:
            self.metrics.export()
        else:
            with pytest.raises(ExportError):
                self.metrics.export()

    def leave(self, amount):
        """Record, end, and leave what was recorded."""
        self.record(amount)
        self.back_end.error = ConnectionRefusedError()
        self.metrics.close()
        return self

    @property
    def delivered(self):
        return [value for value in self.back_end.values("calls") if value]

    @property
    def health(self):
        return self.exporter.health()


def files(folder):
    return sorted(folder.iterdir())


# -- what leaves with the next one


@pytest.mark.parametrize("temporality", ["delta", "cumulative"])
def test_what_a_process_could_not_deliver_leaves_with_the_next(folder, temporality):
    Process(folder, temporality).leave(3)
    assert len(files(folder)) == 1
    later = Process(folder, temporality)
    later.export()
    assert later.delivered == [3]
    assert later.health == SpoolHealth(delivered=1)
    assert files(folder) == []


def test_what_was_delivered_leaves_nothing(folder):
    process = Process(folder)
    process.record(3)
    process.export()
    process.metrics.close()
    assert process.delivered == [3]
    assert files(folder) == []
    assert process.health.is_well


def test_each_export_is_in_the_folder_before_it_is_sent(folder):
    seen = []

    def look(_):
        seen.extend(files(folder))
        raise ConnectionRefusedError

    with pytest.raises(ConnectionRefusedError):
        SpoolingExporter(CallbackExporter(look), folder).export([Counter("calls", 3)])
    assert len(seen) == 1
    assert seen == files(folder)


def test_the_oldest_leave_first_and_what_is_recorded_here_last(folder):
    for number in range(1, 4):
        Process(folder).leave(number)
    later = Process(folder)
    later.record(100)
    later.export()
    assert later.delivered == [1, 2, 3, 100]


def test_a_snapshot_leaves_with_its_own_times_resource_and_writer(folder):
    left = Snapshot(
        [Counter("calls", 3, start=1.0, timestamp=2.0)],
        resource=Tags.of({"service.name": "shop"}),
        definitions={"calls": MetricDefinition.of("calls", "counter", help="Calls.")},
        taken_at=2.0,
        writer="gone",
    )
    first = Process(folder, "cumulative")
    first.back_end.error = ConnectionRefusedError()
    with pytest.raises(ConnectionRefusedError):
        first.exporter.export(left)
    first.exporter.close()
    later = Process(folder, "cumulative")
    later.export()
    found = later.back_end.snapshots[0]
    assert (found.writer, found.taken_at, found.definitions) == ("gone", 2.0, left.definitions)
    assert list(found) == list(left)


def test_what_another_process_left_is_delivered_as_its_own_where_processes_are_told_apart(folder):
    said = []

    class Instance:
        temporality = "cumulative"
        is_up = False

        def __init__(self, name):
            self.name = name

        def identity(self, snapshot):
            return {"instance": f"{self.name} of {snapshot.writer}"}

        def speaking_for(self, identity):
            other = Instance(identity["instance"])
            other.is_up = self.is_up
            return other

        def export(self, snapshot):
            if not self.is_up:
                raise ConnectionRefusedError
            said.append((self.name, sum(each.value for each in snapshot)))

    for number in (1, 2):
        exporter = SpoolingExporter(Instance(f"process {number}"), folder)
        with pytest.raises(ConnectionRefusedError):
            exporter.export(Snapshot([Counter("calls", number)], writer=f"w{number}"))
        exporter.close()
    living = Instance("process 3")
    living.is_up = True
    SpoolingExporter(living, folder).export([Counter("calls", 3)])
    assert said == [("process 1 of w1", 1), ("process 2 of w2", 2), ("process 3", 3)]


def test_what_failed_is_in_one_file_however_often(folder):
    process = Process(folder)
    for number in range(1, 6):
        process.record(number)
        process.export(ConnectionRefusedError())
        assert len(files(folder)) == 1
    process.metrics.close()
    later = Process(folder)
    later.export()
    assert later.delivered == [15]


def test_a_process_that_lives_keeps_what_is_its_own(folder):
    alive = Process(folder)
    alive.record(3)
    alive.export(ConnectionRefusedError())
    other = Process(folder)
    other.export()
    assert other.delivered == []
    alive.export()
    assert alive.delivered == [3]
    assert files(folder) == []


def test_what_was_left_when_closing_is_not_delivered_again_by_an_export_after_it(folder):
    """The pump gives all since the last success, but what is in the folder leaves by itself."""
    process = Process(folder).leave(3)
    process.record(4)
    process.export(ConnectionRefusedError())
    process.record(5)
    process.export(ConnectionRefusedError())
    process.exporter.close()
    other = Process(folder)
    other.export()
    assert other.delivered == [3, 9]
    process.record(6)
    process.export()
    process.record(7)
    process.export()
    assert process.delivered == [6, 7]


def test_a_forked_child_leaves_to_its_parent_what_is_the_parents(folder):
    process = Process(folder)
    process.record(3)
    process.export(ConnectionRefusedError())

    def work():
        process.export()
        return [process.delivered, len(files(folder))]

    assert answer_of_a_child(work) == [[], 1]
    process.export()
    assert process.delivered == [3]


def test_a_file_is_left_when_its_process_lets_go_of_it_though_a_child_of_it_lives(folder):
    process = Process(folder)
    process.record(3)
    process.export(ConnectionRefusedError())
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads of other tests
        child = os.fork()
    if not child:
        os.read(reader, 1)
        os._exit(0)
    try:
        process.metrics.close()
        other = Process(folder)
        other.export()
    finally:
        os.write(writer, b".")
        os.waitpid(child, 0)
        os.close(reader)
        os.close(writer)
    assert other.delivered == [3]


def test_exporters_of_different_classes_and_temporalities_share_a_folder(folder, tmp_path):
    Process(folder, "delta").leave(3)
    other = Process(folder, "cumulative")
    other.export()
    lines = SpoolingExporter(JsonLinesExporter(tmp_path / "lines", temporality="delta"), folder)
    lines.export([])
    assert other.delivered == []
    assert len(files(folder)) == 1
    later = Process(folder, "delta")
    later.export()
    assert later.delivered == [3]


def test_an_asynchronous_exporter_is_awaited(folder):
    delivered = []

    class Asynchronous:
        temporality = "delta"
        error = None

        async def export(self, snapshot):
            await asyncio.sleep(0)
            if self.error:
                raise self.error
            delivered.append([metric.value for metric in snapshot if metric.name == "calls"])

        async def close(self):
            delivered.append("closed")

    for number in (1, 2):
        inner = Asynchronous()
        inner.error = ConnectionRefusedError()
        metrics = Metrics().export_to(SpoolingExporter(inner, folder))
        metrics.registry.counter("calls", increment=number)
        metrics.close()
    with Metrics().export_to(SpoolingExporter(Asynchronous(), folder)) as metrics:
        metrics.registry.counter("calls", increment=3)
    assert delivered == ["closed", "closed", [1], [2], [3], "closed"]
    assert files(folder) == []


# -- while the back end is out of order


def test_a_back_end_that_is_down_is_told_of_by_the_export_itself(folder):
    Process(folder).leave(3)
    process = Process(folder)
    process.record(4)
    process.export(ConnectionRefusedError())
    assert process.health.waiting == 2
    assert process.health.delivered == 0
    process.export()
    assert process.delivered == [3, 4]


class Asked(Recording):
    """Counts how often it is asked, and in which time it is to answer."""

    def __init__(self, errors=()):
        super().__init__("delta")
        self.errors = list(errors)
        self.seconds = []

    def export(self, snapshot):
        self.seconds.append(current_deadline().left)
        self.error = self.errors.pop(0) if self.errors else None
        super().export(snapshot)


def refusal(reason="rejected", **said):
    return DeliveryError(reason, reason=reason, **said)


def asked(folder, *errors, **options):
    """Give an exporter for what other tests' processes have left, and its back end."""
    back_end = Asked(errors)
    back_end.__class__.__name__ = "Recording"
    return SpoolingExporter(back_end, folder, **options), back_end


def test_a_back_end_that_asks_to_be_left_alone_is_left_alone(folder):
    """With one's own numbers, too."""
    Process(folder).leave(3)
    exporter, back_end = asked(folder, refusal("throttled", retry_after=60))
    with pytest.raises(DeliveryError) as caught:
        exporter.export([Counter("calls", 4)])
    assert caught.value.retry_after == 60
    assert len(back_end.seconds) == 1
    assert len(files(folder)) == 2
    exporter.export([Counter("calls", 4)])
    assert [value for value in back_end.values("calls") if value] == [3, 4]


def test_what_others_left_may_take_half_of_the_time(folder):
    Process(folder).leave(3)
    exporter, back_end = asked(folder)
    with Deadline(10, ManualClock()).active():
        exporter.export([Counter("calls", 4)])
    assert back_end.seconds == [5, 10]


def test_what_others_left_is_given_up_with_the_export(folder):
    deadline = Deadline(10)
    share = Share(deadline, 0.5)
    assert 4 < share.left <= 5
    deadline.cancel()
    assert share.is_over
    assert not share.wait(10)


def test_a_file_that_is_not_delivered_keeps_ones_own_numbers_no_longer_than_that(folder):
    Process(folder).leave(3)
    exporter, back_end = asked(folder, refusal("timeout", is_ambiguous=True))
    exporter.export([Counter("calls", 4)])
    assert back_end.values("calls") == [4]
    exporter.export([Counter("calls", 5)])
    assert back_end.values("calls") == [4, 3, 5]


def test_what_a_back_end_refuses_that_takes_ones_own_is_dropped_and_counted(folder):
    for number in (1, 2):
        Process(folder).leave(number)
    exporter, back_end = asked(folder, refusal())
    exporter.export([Counter("calls", 4)])
    assert back_end.values("calls") == [2, 4]
    assert exporter.health() == SpoolHealth(delivered=1, dropped={"rejected": 1})
    assert files(folder) == []


def test_a_back_end_that_refuses_everything_costs_nothing_that_was_left(folder):
    """It may be the wrong address, or the wrong password."""
    for number in range(6):
        Process(folder).leave(number + 1)
    exporter, back_end = asked(folder, *[refusal()] * 4)
    with pytest.raises(DeliveryError):
        exporter.export([Counter("calls", 10)])
    assert len(back_end.seconds) == 4  # three of theirs, and one's own
    assert len(files(folder)) == 7
    assert exporter.health().dropped == {}
    exporter.export([Counter("calls", 10)])
    assert back_end.values("calls") == [1, 2, 3, 4, 5, 6, 10]


@pytest.mark.parametrize("ambiguous", ["resend", "drop"])
def test_what_may_have_arrived_is_sent_again_or_dropped_as_is_asked_for(folder, ambiguous):
    Process(folder).leave(3)
    process = Process(folder, ambiguous=ambiguous)
    process.record(4)
    process.export(refusal("reset", is_ambiguous=True))
    is_kept = ambiguous == "resend"
    assert len(files(folder)) == (2 if is_kept else 0)
    assert process.health.dropped == ({} if is_kept else {"ambiguous": 1})  # the pump counts one's own
    process.record(5)
    process.export()
    assert process.delivered == ([3, 9] if is_kept else [5])


# -- bounds


def test_what_is_too_old_is_not_delivered(folder):
    Process(folder).leave(3)
    [left] = files(folder)
    os.utime(left, (time.time() - 8 * DAY,) * 2)
    later = Process(folder)
    later.export()
    assert later.delivered == []
    assert later.health.dropped == {"age": 1}
    assert files(folder) == []


def test_beyond_a_number_of_files_the_oldest_go(folder):
    for number in range(1, 6):
        Process(folder, max_files=3).leave(number)
    assert len(files(folder)) == 3
    later = Process(folder)
    later.export()
    assert later.delivered == [3, 4, 5]


def test_beyond_a_number_of_bytes_the_oldest_go(folder):
    Process(folder).leave(1)
    size = files(folder)[0].stat().st_size
    for number in range(2, 6):
        Process(folder, max_bytes=round(3.5 * size)).leave(number)
    assert len(files(folder)) == 3
    later = Process(folder, max_bytes=round(3.5 * size))
    later.export()
    assert later.health.delivered == 2  # one made room for what was recorded by this process itself
    assert later.health.dropped == {"bytes": 1}
    assert later.delivered == [4, 5]


def test_what_has_no_room_at_all_is_exported_without_the_folder(folder):
    process = Process(folder, max_bytes=10)
    process.record(3)
    process.export(ConnectionRefusedError())
    assert process.health.failed == {"full": 1}
    process.export()
    assert process.delivered == [3]


def test_files_of_processes_that_live_make_no_room(folder):
    alive = [Process(folder, max_files=2) for _ in range(3)]
    for number, process in enumerate(alive):
        process.record(number + 1)
        process.export(ConnectionRefusedError())
    assert alive[-1].health.failed == {"full": 1}
    for process in alive:
        process.export()
    assert [process.delivered for process in alive] == [[1], [2], [3]]


# -- what it says


def test_what_became_of_files_is_told_to_the_back_end(folder):
    for number in (1, 2, 3):
        Process(folder).leave(number)
    os.utime(files(folder)[0], (time.time() - 8 * DAY,) * 2)
    later = Process(folder)
    later.export()
    later.export(ConnectionRefusedError())
    later.export()
    later.export()
    told = [
        each for snapshot in later.back_end.snapshots for each in snapshot if each.name.startswith("polymeter.spool")
    ]
    assert sorted((each.name, each.value, each.tags.get("reason", "")) for each in told) == [
        ("polymeter.spool.delivered", 0, ""),
        ("polymeter.spool.delivered", 2, ""),
        ("polymeter.spool.dropped", 0, "age"),
        ("polymeter.spool.dropped", 1, "age"),
    ]


def test_totals_of_files_are_told_as_totals(folder):
    Process(folder, "cumulative").leave(1)
    later = Process(folder, "cumulative")
    for _ in range(3):
        later.export()
    assert later.back_end.values("polymeter.spool.delivered") == [0, 0, 1, 1]


def test_what_is_lost_is_logged_once(folder, caplog):
    for number in (1, 2, 3):
        Process(folder).leave(number)
    for each in files(folder):
        os.utime(each, (time.time() - 8 * DAY,) * 2)
    caplog.clear()
    caplog.set_level(logging.WARNING, "polymeter.exporters")
    Process(folder).export()
    assert [record.getMessage() for record in caplog.records] == [
        "spool of Recording: files dropped undelivered: 1 so far (age; logged at most once per 60 s)"
    ]


def test_files_are_for_this_user_alone(folder):
    Process(folder).leave(3)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert files(folder)[0].stat().st_mode & 0o777 == 0o600


def test_it_is_as_the_exporter_is(folder):
    pushgateway = PushgatewayExporter("http://user:secret@127.0.0.1:9091", "job")
    exporter = SpoolingExporter(pushgateway, folder)
    assert exporter.temporality == pushgateway.temporality == "cumulative"
    definition = MetricDefinition.of("jobs.done", "counter")
    assert exporter.names(definition) == pushgateway.names(definition)
    assert repr(exporter) == f"SpoolingExporter(PushgatewayExporter('127.0.0.1:9091'), '{folder}')"
    assert not hasattr(SpoolingExporter(NullExporter(), folder), "names")
    own = NullExporter()
    own.delivers = "own"
    assert (SpoolingExporter(own, folder).delivers, exporter.delivers) == ("own", "all")


# -- definitions that cannot be


@pytest.mark.parametrize(
    ("exporter", "options", "said"),
    [
        (PrometheusExporter(), {}, "it is asked"),
        ("otlp", {}, "wraps an exporter"),
        (NullExporter(), {"max_bytes": 0}, "max_bytes=0"),
        (NullExporter(), {"max_age": -1}, "max_age=-1"),
        (NullExporter(), {"max_files": True}, "max_files=True"),
        (NullExporter(), {"ambiguous": "maybe"}, "'maybe'"),
    ],
)
def test_what_cannot_be_is_said_when_it_is_made(tmp_path, exporter, options, said):
    with pytest.raises(DefinitionError, match=said):
        SpoolingExporter(exporter, tmp_path, **options)


def test_a_spool_in_a_spool_is_refused(tmp_path):
    with pytest.raises(DefinitionError, match="wrap the exporter once"):
        SpoolingExporter(SpoolingExporter(NullExporter(), tmp_path), tmp_path)


@pytest.mark.parametrize("folder", ["", None, 3])
def test_a_folder_needs_a_path(folder):
    with pytest.raises(DefinitionError, match="path of a folder"):
        SpoolingExporter(NullExporter(), folder)


@pytest.mark.parametrize("below", ["", "deeper", "deeper/still"])
def test_a_file_is_no_folder_nor_the_parent_of_one(tmp_path, below):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(DefinitionError, match="is a file"):
        SpoolingExporter(NullExporter(), file / below)


# -- files that are no good


def damage(folder, change):
    for each in files(folder):
        times = each.stat()
        each.write_bytes(change(each.read_bytes()))
        os.utime(each, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_damaged_files_are_dropped_and_counted_and_the_others_leave(folder):
    Process(folder).leave(2)
    (folder / "Recording-delta-1.spool").write_bytes(b"no snapshot")
    later = Process(folder)
    later.export()
    assert later.delivered == [2]
    assert later.health == SpoolHealth(delivered=1, dropped={"damaged": 1})
    assert files(folder) == []


def test_series_that_are_missing_in_a_damaged_file_are_counted(folder):
    process = Process(folder)
    process.metrics.registry.counter("other")
    process.leave(3)
    damage(folder, lambda data: data.replace(b'["counter","other"', b'["counter","otheR"'))
    later = Process(folder)
    later.export()
    assert later.delivered == [3]
    assert later.health == SpoolHealth(delivered=1, damaged=1)


def test_what_a_newer_version_has_left_is_left_to_it(folder):
    Process(folder).leave(3)
    damage(folder, lambda _: frame(1, f'{{"version": {VERSION + 1}}}'.encode()))
    later = Process(folder)
    later.export()
    assert later.health == SpoolHealth(waiting=1, waiting_bytes=files(folder)[0].stat().st_size)
    os.utime(files(folder)[0], (time.time() - 8 * DAY,) * 2)
    later.export()
    assert later.health.dropped == {"age": 1}


def test_links_pipes_and_folders_of_such_names_are_left_alone(folder, tmp_path):
    Process(folder).leave(3)
    [left] = files(folder)
    elsewhere = tmp_path / "elsewhere"
    left.rename(elsewhere)
    left.symlink_to(elsewhere)
    os.mkfifo(folder / "Recording-delta-1.spool")
    (folder / "Recording-delta-2.spool").mkdir()
    (folder / "notes").write_text("mine")
    later = Process(folder)
    later.export()
    assert later.delivered == []
    assert len(files(folder)) == 4
    assert elsewhere.exists()


def test_what_was_never_finished_is_removed_later(folder):
    folder.mkdir()
    unfinished = folder / "Recording-delta-1.spool-new"
    unfinished.write_bytes(b"...")
    Process(folder).export()
    assert unfinished.exists()
    os.utime(unfinished, (time.time() - DAY,) * 2)
    Process(folder).export()
    assert not unfinished.exists()


# -- interrupted


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it may raise in a finaliser
@pytest.mark.parametrize("temporality", ["delta", "cumulative"])
def test_a_signal_handler_that_raises_anywhere_loses_nothing(folder, temporality):
    """Nor does anything arrive twice that was not delivered when it came."""
    place, amount = 1, 0
    process = Process(folder, temporality)
    process.back_end.error = ConnectionRefusedError()
    while True:
        process.record(1)
        amount += 1
        given = process.metrics.snapshot()
        with suppress(Interrupted, ConnectionRefusedError), RaisingAt(place) as raising:
            # In a context of its own: the deadline of an export stays if its end is what is interrupted.
            copy_context().run(process.exporter.export, given)
        if raising.left > 0:
            break
        place += 1
    assert place > 50
    process.exporter.close()
    process.exporter._own._holds.let_go()  # as its end would
    later = Process(folder, temporality)
    later.export()
    values = later.delivered
    assert max(values) == amount
    assert files(folder) == []


# -- wired by the facade


@pytest.mark.parametrize("temporality", ["delta", "cumulative"])
def test_the_facade_wraps_an_exporter_that_is_to_spool(folder, temporality):
    def exported_to(back_end):
        return Metrics(clock=ManualClock()).export_to(back_end, spool=folder)

    gone, here = Recording(temporality), Recording(temporality)
    gone.error = ConnectionRefusedError()
    with exported_to(gone) as metrics:
        metrics.registry.counter("calls", increment=3)
    assert len(files(folder)) == 1
    with exported_to(here) as metrics:
        metrics.export()
        metrics.remove(here)
        metrics.export()
    assert [value for value in here.values("calls") if value] == [3]


def test_the_facade_passes_its_choice_on(folder):
    process = Recording("delta")
    process.error = DeliveryError("it may have arrived", reason="reset", is_ambiguous=True)
    Metrics(clock=ManualClock()).export_to(process, ambiguous="drop", spool=folder).close()
    assert files(folder) == []


def test_what_is_asked_cannot_spool(folder):
    with pytest.raises(DefinitionError, match="PrometheusExporter delivers nothing by itself"):
        Metrics().export_to(PrometheusExporter(), spool=folder)
