"""The restaurant promised: data survive restarts and deployments, and the loss of their volume. Later it moves."""

import re
from datetime import timedelta
from pathlib import Path

from daemon_runner import daemon_running
from servers.postgres import postgres_server
from systems.pupuseria import TORN, Restaurant, postgres_rows, restaurant_of, sqlite_rows, uploads_in
from systems.team import Team

QUARTER = timedelta(minutes=15)


def test_orders_that_are_taken_all_the_time_survive_the_loss_of_their_volume_and_none_is_torn(tmp_path: Path) -> None:
    with restaurant_of(tmp_path) as restaurant:
        team = restaurant.team
        opening = team.moment(team.today() - timedelta(days=1), 18)
        team.clock.set(opening - timedelta(seconds=1))
        with restaurant.open() as evening:
            with daemon_running(team.drkit) as daemon:
                daemon.await_ended(2)
                for number in (1, 2):
                    surely_in = evening.last()
                    team.clock.set(opening + number * QUARTER)
                    assert daemon.await_ended(2 + number)[-1]["exit_code"] == 0
                assert daemon.stop() == 0
            for _ in range(3):
                surely_in = evening.await_orders(10)
                team.drkit.ok("backup", "now", "pupuseria")
        restaurant.lose_the_volume()

        team.type("mkdir data")
        team.type("drkit restore pupuseria/orders --to data/restaurant.db")
        team.type("drkit restore pupuseria/uploads --to data/uploads")
        assert len(sqlite_rows(restaurant.data / "restaurant.db", "SELECT id FROM orders")) >= surely_in
        assert_no_order_is_torn_in_any_point(restaurant)
        uploads = uploads_in(restaurant.data / "uploads")
        assert len(uploads) > surely_in // 20 and not [name for name in uploads if not name.endswith(".jpg")]
        with restaurant.open() as evening:
            assert evening.last() > surely_in
        assert sqlite_rows(restaurant.data / "restaurant.db", TORN) == []


def assert_no_order_is_torn_in_any_point(restaurant: Restaurant) -> None:
    points = restaurant.team.drkit.json("backup", "list", "pupuseria/orders")["points"]
    assert len(points) >= 6
    counts = []
    for number, point in enumerate(points):
        look = restaurant.team.home / f"look-{number}.db"
        restaurant.team.drkit.ok("restore", "pupuseria/orders", "--at", point["id"], "--to", str(look))
        assert sqlite_rows(look, TORN) == []
        counts.append(len(sqlite_rows(look, "SELECT id FROM orders")))
    assert counts == sorted(set(counts), reverse=True)


def follow_the_schedules_advice(team: Team) -> None:
    orders, uploads, database = re.split(r"\[sources\.uploads\]|# \[sources\.database\]", team.schedule.read_text())
    orders = orders.replace('"*/15 * * * *"', '"35 3 * * 0"').replace(', rpo = "30m"', "")
    database = re.sub("^# ", "", database, flags=re.MULTILINE)
    team.schedule.write_text(f"{orders}[sources.uploads]{uploads}[sources.database]{database}")


def test_after_the_move_to_postgres_both_databases_are_protected(tmp_path: Path) -> None:
    with restaurant_of(tmp_path) as restaurant, postgres_server(tmp_path, 17) as server:
        new = server.create("restaurant")
        team = restaurant.team.given(PUPUSERIA_DATABASE_URL=new)
        with restaurant.open() as evening:
            evening.await_orders(50)
        team.type("drkit backup now pupuseria")
        team.type(f"python move_to_postgres.py {restaurant.url} {new}")
        archive = sqlite_rows(restaurant.data / "restaurant.db")
        assert postgres_rows(new) == archive

        follow_the_schedules_advice(team)
        team.type("drkit check")
        with restaurant.open(new) as evening:
            for _ in range(2):
                surely_in = evening.await_orders(10)
                team.type("drkit backup now pupuseria")
        server.execute("DROP DATABASE restaurant")
        restaurant.lose_the_volume()

        team.type("drkit restore pupuseria/database --to restaurant && mkdir data")
        team.type("drkit restore pupuseria/orders --to data/restaurant.db")
        assert postgres_rows(new, TORN) == []
        assert postgres_rows(new)[: len(archive)] == archive == sqlite_rows(restaurant.data / "restaurant.db")
        assert len(postgres_rows(new, "SELECT id FROM orders")) >= surely_in
        drills = team.drkit.json("verify", "now")["drills"]
        assert {drill["source"]: drill["passed"] for drill in drills} == {
            "pupuseria/orders": True,
            "pupuseria/uploads": True,
            "pupuseria/database": True,
        }
        assert team.drkit("status").code == 0
