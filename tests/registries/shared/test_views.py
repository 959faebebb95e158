"""Views: what several processes say, as one, and what is left of those that are no more.

What the view of the others says of a metric when A has recorded 3 and B has recorded 4, A last. Then A ends, by itself
or by ``kill -9``, which makes no difference; another process records 5 in its place; and all of them end:

==================== =============== ======= ============== ============== ============== =========
kind                 combine         keep    A and B alive  A is no more   5 in its place all ended
==================== =============== ======= ============== ============== ============== =========
counter              sum             (yes)   7              7              12             12
counter              sum             no      7              4              9              nothing
counter              max             (yes)   4              4              5              5
counter              per_process     (no)    3 and 4        4              4 and 5        nothing
up-down              sum             (no)    7              4              9              nothing
up-down              sum             yes     7              7              12             12
up-down              max             (no)    4              4              5              nothing
up-down              max             yes     4              4              5              5
gauge                latest          (no)    3              4              5              nothing
gauge                latest          yes     3              3              5              5
gauge                sum             (no)    7              4              9              nothing
gauge                sum             yes     7              7              12             12
gauge                max             (no)    4              4              5              nothing
gauge                max             yes     4              4              5              5
gauge                min             (no)    3              4              4              nothing
gauge                min             yes     3              3              3              3
gauge                per_process     (no)    3 and 4        4              4 and 5        nothing
histogram, timer     sum             (yes)   3 + 4          3 + 4          3 + 4 + 5      3 + 4 + 5
histogram, timer     sum             no      3 + 4          4              4 + 5          nothing
histogram, timer     per_process     (no)    3 and 4        4              4 and 5        nothing
==================== =============== ======= ============== ============== ============== =========

In brackets: the default, and where processes are kept apart it cannot be otherwise.
"""

from __future__ import annotations

import time

import pytest

from tests.registries.shared.programs import program
from tests.registries.shared.workers import Worker, opened

STAGES = ("alive", "one is no more", "another in its place", "all ended")

# kind, combine, keep -> the values at each stage
DEATHS = {
    ("counter", None, None): [[7], [7], [12], [12]],
    ("counter", "sum", False): [[7], [4], [9], []],
    ("counter", "max", None): [[4], [4], [5], [5]],
    ("counter", "per_process", None): [[3, 4], [4], [4, 5], []],
    ("up_down", None, None): [[7], [4], [9], []],
    ("up_down", "sum", True): [[7], [7], [12], [12]],
    ("up_down", "max", None): [[4], [4], [5], []],
    ("up_down", "max", True): [[4], [4], [5], [5]],
    ("gauge", None, None): [[3], [4], [5], []],
    ("gauge", "latest", True): [[3], [3], [5], [5]],
    ("gauge", "sum", None): [[7], [4], [9], []],
    ("gauge", "sum", True): [[7], [7], [12], [12]],
    ("gauge", "max", None): [[4], [4], [5], []],
    ("gauge", "max", True): [[4], [4], [5], [5]],
    ("gauge", "min", None): [[3], [4], [4], []],
    ("gauge", "min", True): [[3], [3], [3], [3]],
    ("gauge", "per_process", None): [[3, 4], [4], [4, 5], []],
    ("histogram", None, None): [[7], [7], [12], [12]],
    ("histogram", "sum", False): [[7], [4], [9], []],
    ("histogram", "per_process", None): [[3, 4], [4], [4, 5], []],
    ("timer", None, None): [[7], [7], [12], [12]],
    ("timer", "sum", False): [[7], [4], [9], []],
    ("timer", "per_process", None): [[3, 4], [4], [4, 5], []],
}

VERBS = {"counter": "None, ", "up_down": "", "gauge": "", "histogram": "", "timer": ""}


def name_of(case):
    return ".".join(map(str, case)).lower()


NAMES = {name_of(case): case for case in DEATHS}
DEFINE = f"[registry.define(name, kind, combine=rule, keep=keep) for name, (kind, rule, keep) in {NAMES!r}.items()]"


def record(worker, value):
    worker.do(DEFINE)
    for case in DEATHS:
        worker.do(f"registry.{case[0]}({name_of(case)!r}, {VERBS[case[0]]}{value})")
    worker.do("registry.publish()")


@pytest.fixture(scope="module", params=["end", "kill"])
def deaths(request, tmp_path_factory):
    """Give what a view says at each stage: name -> values, in ascending order."""
    folder = tmp_path_factory.mktemp("deaths")
    said = []

    def look():
        values = {}
        for metric in registry.snapshot():
            value = getattr(metric, "sum", metric.value)
            values.setdefault(metric.name, []).append(value)
        said.append(values)

    with opened(folder) as registry, Worker(folder) as a, Worker(folder) as b:
        record(b, 4)
        record(a, 3)
        look()
        getattr(a, request.param)()
        look()
        with Worker(folder) as another:
            record(another, 5)
            look()
            getattr(another, request.param)()
        getattr(b, request.param)()
        look()
    return said


@pytest.mark.parametrize("case", DEATHS, ids=name_of)
def test_what_a_process_has_said_holds_after_its_end_as_its_definition_says(case, deaths):
    """The table above."""
    assert [sorted(said.get(name_of(case), [])) for said in deaths] == DEATHS[case], STAGES


# -- one process after the other


def test_what_is_forgotten_in_one_process_is_forgotten_in_all_and_stays_in_the_total(tmp_path):
    """Alive or not; recorded on again it begins anew."""
    with opened(tmp_path) as registry, Worker(tmp_path) as alive, Worker(tmp_path) as dead:
        for worker in (alive, dead):
            worker.do("[registry.counter('a', {'t': t}, 10) for t in 'xy'], registry.publish()")
        dead.kill()
        registry.counter("a", {"t": "x"}, 10)
        [before] = registry.find("a", {"t": "x"})
        assert before.value == 30
        assert registry.forget("a", {"t": "x"}) == 1
        alive.do("registry.publish()")
        assert [each.tags.to_dict() for each in registry.find("a")] == [{"t": "y"}]
        assert alive.do("registry.total('a')") == registry.total("a") == 50
        alive.do("registry.counter('a', {'t': 'x'}, 1), registry.publish()")
        [after] = registry.find("a", {"t": "x"})
        assert after.value == 1
        assert after.start > before.start
        assert registry.total("a") == alive.do("registry.total('a')") == 51


def test_what_another_process_forgets_is_forgotten_here(tmp_path):
    with opened(tmp_path) as registry, Worker(tmp_path) as other:
        registry.counter("a")
        assert other.do("registry.forget('a')") == 0  # it has not been published
        assert registry.find("a") == []  # it was recorded before this process had heard of it
        registry.counter("a")
        registry.publish()
        assert other.do("registry.forget('a')") == 1
        assert registry.find("a") == []
        assert registry.total("a") == other.do("registry.total('a')") == 2


def test_a_total_counts_what_has_ended_once_whoever_dies(tmp_path):
    """Forgotten by one that lives, by one that dies before others have noticed, and by one that ends."""
    with opened(tmp_path) as registry:
        for number, ending in enumerate(("kill", "end", "kill", "end")):
            with Worker(tmp_path) as worker:
                worker.do("registry.counter('a'), registry.publish()")
                worker.do("registry.own.forget('a'), registry.publish()")
                if number % 2:
                    worker.do("registry.find('a')")
                getattr(worker, ending)()
            assert registry.total("a") == number + 1
            assert registry.find("a") == []


def test_a_cleared_registry_begins_anew_in_all_processes(tmp_path):
    """What those that are no more had counted is gone too; a delta is none, and a snapshot is of another epoch."""
    with opened(tmp_path) as registry, Worker(tmp_path) as alive, Worker(tmp_path) as dead:
        for worker in (alive, dead):
            worker.do("registry.counter('a'), registry.publish()")
        dead.kill()
        registry.counter("a")
        before = registry.snapshot()
        assert registry.total("a") == 3
        alive.do("registry.clear()")
        assert registry.all() == []
        assert alive.do("registry.all()") == []
        registry.counter("a")
        alive.do("registry.counter('a'), registry.publish()")
        after = registry.snapshot()
        assert registry.total("a") == 2
        assert (after.writer, after.epoch) == (before.writer, before.epoch + 1)
        assert alive.do("registry.snapshot().epoch") == after.epoch


def test_what_a_process_published_before_all_was_cleared_is_not_counted_when_it_dies_after_it(tmp_path):
    with opened(tmp_path) as registry, Worker(tmp_path) as worker:
        worker.do("registry.counter('a'), registry.publish()")
        assert registry.total("a") == 1
        registry.clear()
        worker.kill()
        assert registry.all() == []


def test_a_series_expires_when_nobody_records_on_it_in_any_process(tmp_path):
    """One that somebody still records on stays; the total keeps what has ended."""
    with opened(tmp_path, expire_after=0.4) as registry, Worker(tmp_path, expire_after=0.4) as worker:
        with Worker(tmp_path, expire_after=0.4) as dead:
            for each in (worker, dead):
                each.do("[registry.counter(name) for name in ('ends', 'stays')], registry.publish()")
            dead.kill()
        assert registry.total("ends") == registry.total("stays") == 2
        until, recorded = time.monotonic() + 20, 2
        while registry.find("ends") and time.monotonic() < until:
            worker.do("registry.counter('stays'), registry.publish()")
            recorded += 1
            time.sleep(0.02)
        assert registry.find("ends") == []
        assert registry.total("ends") == 2
        assert registry.find("stays") != []
        assert registry.total("stays") == recorded


def test_who_follows_the_view_is_shown_the_last_value_of_what_ends_anywhere(tmp_path):
    """Once it has ended everywhere, and once; of a level that dies with its process too."""
    with opened(tmp_path) as registry, Worker(tmp_path) as worker:
        reader = registry.reader()
        worker.do("registry.counter('a', None, 7), registry.up_down('level', 3), registry.publish()")
        reader.over(registry.snapshot())
        reader.commit()
        worker.do("registry.counter('a'), registry.own.forget('a'), registry.publish()")
        shown = reader.over(registry.snapshot())
        assert [each.value for each in shown.by_name("a")] == [8]
        reader.commit()
        assert reader.over(registry.snapshot()).by_name("a") == []
        worker.kill()
        assert [each.value for each in reader.over(registry.snapshot()).by_name("level")] == [3]
        reader.commit()
        assert reader.over(registry.snapshot()).by_name("level") == []


DELTAS = """
from polymeter import Metrics

class Deltas:
    temporality = "delta"
    def export(self, snapshot):
        for each in snapshot:
            if each.name == "a":
                os.write(file, b"%d\\n" % each.value)

file = os.open({path!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
metrics = Metrics(registry=registry).export_to(Deltas()).every(0.02)

def work(number):
    registry.counter("a", None, 100)
    time.sleep(0.1 * number)
    registry.counter("a", None, 100)

if __name__ == "__main__":
    work(0)
    for method in ("fork", "spawn"):
        children = [multiprocessing.get_context(method).Process(target=work, args=(number,)) for number in range(3)]
        for child in children:
            child.start()
            work(0)
        for child in children:
            child.join()
"""


def test_the_deltas_that_all_processes_export_add_up_to_the_ledger(tmp_path):
    """Each exports what it has recorded itself, every so often and at its end; a child what came after its fork."""
    path = tmp_path / "deltas"
    with opened(tmp_path) as registry:
        program(tmp_path, DELTAS.format(path=str(path)))
        exported = sum(map(int, path.read_text().split()))
        assert exported == registry.total("a") == (1 + 2 * 2 * 3) * 200


def test_what_the_facades_of_all_processes_say_of_themselves_adds_up(tmp_path):
    """Exports, here: of those that live, and of those that do not."""
    wiring = (
        "from polymeter import Metrics\n"
        "from polymeter.exporters import CallbackExporter\n"
        "metrics = Metrics(registry=registry).export_to(CallbackExporter(lambda snapshot: None))\n"
    )
    with opened(tmp_path) as registry, Worker(tmp_path) as one, Worker(tmp_path) as two:
        for worker, exports in ((one, 2), (two, 3)):
            worker.do(wiring)
            for _ in range(exports):
                worker.do("metrics.export()")
            worker.do("registry.counter('a'), registry.publish()")

        def exports():
            return sum(each.value for each in registry.snapshot().by_name("polymeter.exports"))

        assert exports() == 5
        one.kill()
        two.end()
        assert exports() == 5
        assert sum(each.value for each in registry.snapshot().by_name("polymeter.records.applied")) == 2


def test_what_is_kept_of_the_dead_stays_within_the_budget_whatever_they_were_called(tmp_path):
    """Ever new tag values are one series from some moment on; the total is exact."""
    with opened(tmp_path, budget=20) as registry, Worker(tmp_path, budget=20) as parent:
        for generation in range(0, 200, 10):
            tags = list(range(generation, generation + 10))
            parent.do(f"CHILD = {tags}")
            parent.do(GENERATION)
            series = registry.find("a")
            assert len(series) <= 22  # of both tag names that explode one at a time
            assert registry.total("a") == generation + 10
        size = (registry._path / "retired").stat().st_size
        assert size < 20_000
        assert [each.value for each in registry.find("a", {"t": "__other__"})] >= [150]


GENERATION = """
child = os.fork()
if not child:
    for tag in CHILD:
        registry.counter('a', {'t': tag})
    registry.publish()
    os._exit(0)
os.waitpid(child, 0)
"""


def test_what_one_process_says_of_a_metric_is_known_to_all(tmp_path):
    """Help, unit, rule and the rest; also of one that is no more, and though another records it without a word."""
    with opened(tmp_path) as registry, Worker(tmp_path) as worker:
        registry.gauge("g", 1)
        registry.histogram("h_ms", 5)
        assert registry.get("g").value == 1
        worker.do("registry.define('g', 'gauge', combine='sum', help='Load.')")
        worker.do("registry.define('h_ms', 'histogram', help='Time.', buckets=(1, 10), keep=True)")
        worker.do("registry.gauge('g', 2), registry.histogram('h_ms', 3), registry.publish()")
        assert registry.get("g").value == 3
        with Worker(tmp_path) as silent:
            silent.do("registry.gauge('g', 4), registry.histogram('h_ms', 1), registry.publish()")
            for ended in (False, True):
                said = registry.snapshot().definitions
                assert (said["g"].combine, said["g"].help) == ("sum", "Load.")
                assert (said["h_ms"].help, said["h_ms"].buckets) == ("Time.", (1, 10))
                assert registry.get("g").value == (7 if not ended else 1)
                if not ended:
                    worker.kill()
                    silent.kill()
        with Worker(tmp_path) as later:
            assert later.do("registry.snapshot().definitions['h_ms'].help") == "Time."


def test_a_rule_that_is_said_later_holds_for_what_was_said_before(tmp_path):
    with opened(tmp_path) as registry, Worker(tmp_path) as worker:
        worker.do("registry.gauge('g', 5), registry.publish()")
        registry.gauge("g", 2)
        assert registry.get("g").value == 2
        worker.do("registry.define('g', 'gauge', combine='max'), registry.publish()")
        assert registry.get("g").value == 5


def test_two_that_contradict_each_other_are_read_all_the_same(tmp_path):
    """Each sees it as it has said itself."""
    with opened(tmp_path) as registry, Worker(tmp_path) as worker:
        registry.define("g", "gauge", combine="max", help="Here.")
        worker.do("registry.define('g', 'gauge', combine='min', help='There.')")
        registry.gauge("g", 1)
        worker.do("registry.gauge('g', 2), registry.publish()")
        assert registry.get("g").value == 2
        assert worker.do("registry.get('g').value") == 1
        worker.do("registry.counter('k'), registry.publish()")
        registry.gauge("k", 3)
        assert {each.kind for each in registry.find("k")} == {"counter", "gauge"}
        assert registry.snapshot().definitions["g"].help == "Here."
