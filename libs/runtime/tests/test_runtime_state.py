"""Other commands find a running stack, and the environment wins over it."""

import os

import psutil
import pytest

from andon.runtime.state import ServiceState, StackState, adopt, forget, running_stack

FOUND = {
    "ANDON_BUS__URL": "nats://127.0.0.1:1",
    "ANDON_BUS__PASSWORD": "kept",
    "ANDON_MONGO__URI": "mongodb://127.0.0.1:2",
}


@pytest.fixture
def state():
    state = StackState.of_this_process()
    state.environment = dict(FOUND)
    state.services["gateway"] = ServiceState(pid=1, ready=True, health_port=2, http_port=3)
    return state


def test_a_running_stack_is_found_again(tmp_path, state):
    state.write(tmp_path)
    assert running_stack(tmp_path) == state
    forget(tmp_path)
    assert running_stack(tmp_path) is None


def test_a_stack_whose_process_is_gone_is_not_running(tmp_path, state):
    state.started -= 1000  # another process has its number now
    state.write(tmp_path)
    assert running_stack(tmp_path) is None


def test_nonsense_is_not_a_stack(tmp_path):
    (tmp_path / "state.json").write_text('{"pid": 1}')
    assert running_stack(tmp_path) is None


def test_settings_find_the_running_stack(tmp_path, state):
    state.write(tmp_path)
    environment = {}
    adopt(tmp_path, environment)
    assert environment == FOUND


def test_an_address_of_ones_own_wins_with_its_whole_block(tmp_path, state):
    state.write(tmp_path)
    environment = {"ANDON_BUS__URL": "nats://elsewhere:4222"}
    adopt(tmp_path, environment)
    assert environment == {
        "ANDON_BUS__URL": "nats://elsewhere:4222",
        "ANDON_MONGO__URI": FOUND["ANDON_MONGO__URI"],
    }


def test_this_process_is_known_by_number_and_birth():
    state = StackState.of_this_process()
    assert (state.pid, state.started) == (os.getpid(), psutil.Process().create_time())
