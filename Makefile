# The commands of this project; `make help` lists them.
#
# `sudo make capture` works for a user whose cargo is in their own home folder: sudo is needed for one thing only, to
# open the capture, and everything else is done as the user who called it (scripts/as-invoker, lab/privilege.rs).

SHELL := /bin/sh
AS_INVOKER := scripts/as-invoker
CARGO := $(AS_INVOKER) cargo
WIRESNAP := target/release/wiresnap

# Which scenarios `make capture` plays, as in `make capture SCENARIOS=webapp`; all of them by default.
SCENARIOS ?=

.DEFAULT_GOAL := help
.PHONY: help setup build capture test test-offline test-live bench review lint check clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r name text; do \
		printf '  make %-13s %s\n' "$$name" "$$text"; done

setup: ## install what is missing: libpcap, Firefox, netcat, tshark, geckodriver
	@scripts/setup

build: ## build wiresnap and the programs
	$(CARGO) build --quiet --release --workspace

capture: setup build ## play the scenarios and capture them into pcap/, then check the snapshots (needs sudo)
	$(WIRESNAP) capture $(SCENARIOS)
	@scripts/check-captures

test: setup lint ## everything: lint, all tests, and a live run of all scenarios (needs sudo)
	$(CARGO) test --quiet --workspace
	@$(MAKE) --no-print-directory test-live

test-offline: lint ## what needs neither privilege nor browser nor network
	$(CARGO) test --quiet --workspace

test-live: setup ## only the tests with the real Firefox and nc (needs sudo)
	@scripts/live-tests

bench: ## speed and memory beside tshark and tcpflow (BENCH_SIZES=10M,100M,1G)
	$(CARGO) bench --quiet --package wiresnap --bench compare

review: ## look at changed snapshots and accept or reject them
	@$(CARGO) insta --version >/dev/null 2>&1 || $(CARGO) install --quiet --locked cargo-insta
	$(CARGO) insta review

lint: ## formatting and clippy, warnings denied
	$(CARGO) fmt --all --check
	$(CARGO) clippy --quiet --workspace --all-targets --all-features -- --deny warnings

check: test-offline ## what must hold before a commit

clean: ## remove what was built (the tools of `make setup` stay)
	$(CARGO) clean --quiet
