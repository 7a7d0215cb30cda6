# Everything goes through the virtual environment that the set-up makes.
BIN := .venv/bin

.PHONY: setup demo test lint types check bench clean

setup:
	sh deploy/setup.sh

# Any other target sets up first where that has not been done for these dependencies.
.venv/.ready: pyproject.toml deploy/constraints.txt deploy/setup.sh
	sh deploy/setup.sh

demo: .venv/.ready
	$(BIN)/supercharge demo

test: .venv/.ready
	sh deploy/engine.sh start || true
	$(BIN)/pytest -q -n 2 --dist worksteal

lint: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.ready
	$(BIN)/mypy

check: lint types test

bench: .venv/.ready
	$(BIN)/supercharge bench model
	$(BIN)/supercharge bench cleanup
	$(BIN)/supercharge bench sandbox
	$(BIN)/supercharge bench generate

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
