# The commands of this project; `make help` lists them.
#
# Only installing packages needs root. `sudo make capture` works as well, for systems that forbid private networks to
# ordinary users: everything runs as the user who called it (scripts/as-invoker, machine/privilege.rs).

SHELL := /bin/sh
AS_INVOKER := scripts/as-invoker
CARGO := $(AS_INVOKER) cargo
WIRESNAP := target/release/wiresnap

# How long `make fuzz` takes for each target, and which targets; all of them by default.
FUZZ_SECONDS ?= 900
FUZZ_TARGETS ?= $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))

# What looks at licences, duplicates and advisories of dependencies.
CARGO_DENY_VERSION := 0.20.2

# Which scenarios `make capture` plays, as in `make capture SCENARIOS=webapp`; all of them by default.
SCENARIOS ?=

# Which browser `make capture` plays with, firefox or chromium; and `make setup` installs what it takes.
BROWSER ?= firefox

# Builds go where the scripts look for them, whatever the user's own settings are.
export CARGO_TARGET_DIR := $(CURDIR)/target

.DEFAULT_GOAL := help
# Which captures `make report` shows, in the order of their story.
REPORT_CAPTURES ?= $(addprefix pcap/,$(addsuffix .pcap,tcpapp webapp ajaxapp wsapp pollapp sseapp))

.PHONY: help setup build package capture docs report test test-offline test-live test-browser screenshots soak strangers newcomer mutation fuzz bench hostile review lint deny check clean
# What a target needs first comes first: a build without libpcap's headers only fails.
.NOTPARALLEL:

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r name text; do \
		printf '  make %-13s %s\n' "$$name" "$$text"; done

setup: ## install what is missing: libpcap, Firefox, netcat, tshark, geckodriver
	@scripts/setup $(BROWSER)

build: ## build wiresnap and the programs
	$(CARGO) build --release --workspace

package: ## a Debian package and a tar.gz of wiresnap, in target/dist/
	@$(AS_INVOKER) scripts/package

capture: setup build ## play the scenarios and capture them into pcap/, bring the pages up to date, check the snapshots (BROWSER=chromium: into pcap/chromium/)
	$(WIRESNAP) capture --browser $(BROWSER) $(SCENARIOS)
	@scripts/after-capture

docs: ## update what is generated: blocks in Markdown pages, completions, man pages
	$(CARGO) run --quiet --package wiresnap -- docs
	@WIRESNAP_WRITE=1 $(CARGO) test --quiet --package wiresnap --test shell_files

report: build ## make report.html, one page that shows the captures
	$(WIRESNAP) report $(REPORT_CAPTURES)

# The tests play with both.
test test-live strangers: BROWSER := chromium

test: setup lint ## everything: lint, all tests, and a live run of all scenarios
	$(CARGO) test --workspace --no-run
	$(CARGO) test --quiet --workspace
	@$(MAKE) --no-print-directory test-browser test-live

test-offline: lint ## tests that need no privilege, browser or network
	$(CARGO) test --quiet --workspace

soak: setup build ## N=20 rounds of all scenarios, ten times as fast: the same each time? (HOG=1: with every core busy)
	@HOG=$(HOG) scripts/soak $(N)

strangers: setup build ## N=20 captures of each project in examples/ that tests somebody else's server: the same each time?
	@scripts/strangers $(N)

newcomer: ## both commands in a fresh account, in both orders (needs root, and an hour)
	scripts/newcomer capture-first
	scripts/newcomer test-first

test-live: setup ## only the tests with the real Firefox, Chromium and nc
	@scripts/live-tests

test-browser: setup ## only the tests of the report, in the real Firefox
	$(CARGO) test --quiet --package wiresnap --features browser --test report -- --test-threads=2

screenshots: setup ## pictures of the report, desktop and phone, light and dark, into target/screenshots/
	$(CARGO) test --quiet --package wiresnap --features browser --test report -- --ignored --exact screenshots

mutation: ## change every byte of captures of every protocol, lose packets of thousands of conversations, check listing and diff (the tests take a sample)
	$(CARGO) test --quiet --package wiresnap --test strangers -- --ignored --nocapture

fuzz: ## fuzz each parser for FUZZ_SECONDS (900), as in `make fuzz FUZZ_TARGETS=http`
	@FUZZ_SECONDS=$(FUZZ_SECONDS) $(AS_INVOKER) scripts/fuzz $(FUZZ_TARGETS)

bench: build ## speed and memory beside tshark and tcpflow (BENCH_SIZES=10M,100M,1G), a capture under load beside tcpdump, and the overhead of a capture
	@scripts/setup bench
	$(CARGO) bench --quiet --package wiresnap --bench compare
	$(CARGO) bench --quiet --package wiresnap --bench load
	$(CARGO) bench --quiet --package wiresnap --bench preparation

hostile: ## memory and time of every command on hostile captures (HOSTILE_PART=10: a tenth of each)
	$(CARGO) bench --quiet --package wiresnap --bench hostile

review: ## look at changed snapshots and accept or reject them
	@$(CARGO) insta --version >/dev/null 2>&1 || $(CARGO) install --quiet --locked --version 1.49.0 cargo-insta
	$(CARGO) insta review

lint: ## formatting, words, clippy and rustdoc, warnings denied
	$(CARGO) fmt --all --check
	@scripts/words
	$(CARGO) clippy --quiet --workspace --all-targets --all-features -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' $(CARGO) doc --quiet --no-deps --workspace --all-features
	@# Advisories are fetched, which is for CI: lint needs no network.
	@[ ! -x .tools/bin/cargo-deny ] || $(AS_INVOKER) .tools/bin/cargo-deny --log-level error check bans licenses sources

deny: ## licences, duplicates, sources and advisories of all dependencies (needs network)
	@[ "$$(.tools/bin/cargo-deny --version 2>/dev/null)" = "cargo-deny $(CARGO_DENY_VERSION)" ] || \
		$(CARGO) install --quiet --locked --root .tools --target-dir target/tools --version $(CARGO_DENY_VERSION) cargo-deny
	$(AS_INVOKER) .tools/bin/cargo-deny check

check: test-offline ## what must hold before a commit

clean: ## remove what was built (the tools of `make setup` stay)
	$(CARGO) clean --quiet
