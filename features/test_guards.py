"""What keeps the features honest: no step passes without running, and every sentence has one meaning."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_bdd.feature import get_features
from pytest_bdd.parser import Step
from pytest_bdd.steps import StepFunctionContext, step_function_context_registry

from features.steps.sentences import Sentence

FEATURES = Path(__file__).parent
PROJECT = {
    "async.feature": """\
# language: ko
기능: 비동기 단계
  시나리오: 기다리지 않는 단계
    그러면 거짓이 참이 된다
""",
    "test_async.py": """\
from pytest_bdd import scenarios, then

scenarios("async.feature")

@then("거짓이 참이 된다")
async def never_awaited():
    assert False
""",
    "pytest.ini": "[pytest]\nfilterwarnings =\n    ignore\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A scenario that ought to fail, with a step that nobody awaits."""
    for name, text in PROJECT.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run_pytest(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", *options, str(directory)]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, check=False)


def test_an_async_step_fails_its_scenario(project: Path) -> None:
    guarded = run_pytest(project, "-p", "features.conftest")
    assert guarded.returncode == pytest.ExitCode.TESTS_FAILED, guarded.stdout
    assert "async step: 거짓이 참이 된다" in guarded.stdout


def test_without_the_guard_it_would_pass(project: Path) -> None:
    """When this fails, pytest-bdd has learnt to await, and the guard may go."""
    assert run_pytest(project).returncode == pytest.ExitCode.OK


@pytest.mark.parametrize("path", sorted(FEATURES.glob("*/*.feature")), ids=lambda path: str(path.stem))
def test_every_step_means_one_thing(path: Path) -> None:
    sentences = [context for context in step_function_context_registry.values() if isinstance(context.parser, Sentence)]
    meanings = {step.name: _meanings(step, sentences) for step in _steps(path)}
    assert meanings
    assert {name: found for name, found in meanings.items() if len(found) != 1} == {}


def test_every_sentence_is_told() -> None:
    steps = [step for path in FEATURES.glob("*/*.feature") for step in _steps(path)]
    sentences = [context for context in step_function_context_registry.values() if isinstance(context.parser, Sentence)]
    untold = {context.parser.name for context in sentences if not any(_meanings(step, [context]) for step in steps)}
    assert untold == set()


def _meanings(step: Step, sentences: list[StepFunctionContext]) -> set[str]:
    fitting = [context for context in sentences if context.type in (None, step.type) and context.parser.is_matching(step.name)]
    return {context.step_func.__name__ for context in fitting}


def _steps(path: Path) -> Iterator[Step]:
    """Of every scenario, with the examples of outlines filled in."""
    (feature,) = get_features([str(path)])
    for template in feature.scenarios.values():
        examples = [context for table in template.examples for context in table.as_contexts()] or [{}]
        for example in examples:
            yield from template.render(example).steps
