# make run    the main job on the embedded world     make test   everything
# Both install the Debian packages that are missing (tools/install-deps.sh). See README.md.
.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules

VARIANT ?= gcc
BUILD   := build/$(VARIANT)
PREFIX  ?= /usr/local

CC_gcc   := gcc
CC_clang := clang
CC_asan  := gcc
CC_tsan  := gcc
CC_bench := gcc
OPT_gcc   := -O2 -D_FORTIFY_SOURCE=3
OPT_clang := -O2
OPT_asan  := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
OPT_tsan  := -O1 -fsanitize=thread
OPT_bench := -O2
HARDEN_gcc := -fstack-protector-strong -fstack-clash-protection -fcf-protection
LDHARDEN_gcc := -Wl,-z,relro,-z,now

CC      := $(CC_$(VARIANT))
VERSION := $(shell cat VERSION)
GLIB_CFLAGS := $(shell pkg-config --cflags glib-2.0)
WARN    := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 \
           -Wimplicit-fallthrough -Wcast-qual -Wwrite-strings -Wundef -Wvla -Werror
CFLAGS  := -std=gnu17 -g -fPIE -pthread $(OPT_$(VARIANT)) $(HARDEN_$(VARIANT)) $(WARN) -I. $(GLIB_CFLAGS) -DBURSTD_VERSION='"$(VERSION)"'
LDFLAGS := -pie -pthread $(OPT_$(VARIANT)) $(LDHARDEN_$(VARIANT))
LDLIBS  := -lmicrohttpd -lgnutls -lcurl -lssl -lcrypto -ljansson -lsqlite3 -lexpat -lyaml -lglib-2.0 -lz -lm

LIB_DIRS   := base fleet calendar bursting clients clients/ec2 clients/infinity reconcile lifecycle store server handlers
LIB_SRC    := $(filter-out server/main.c,$(foreach d,$(LIB_DIRS),$(sort $(wildcard $(d)/*.c))))
LIB_OBJ    := $(LIB_SRC:%.c=$(BUILD)/%.o)
WORLD_SRC  := $(filter-out tests/world/main.c,$(sort $(wildcard tests/world/*.c)))
WORLD_OBJ  := $(WORLD_SRC:%.c=$(BUILD)/%.o)
UNIT_SRC   := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BIN   := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)
SIM_SRC    := $(sort $(wildcard tests/simulation/*.c))
SIM_BIN    := $(if $(SIM_SRC),$(BUILD)/simulation)
BENCH_SRC  := $(sort $(wildcard tests/bench/bench_*.c))
BENCH_BIN  := $(BENCH_SRC:tests/bench/%.c=$(BUILD)/bench/%)
BENCH_OBJ  := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(BENCH_SRC),$(sort $(wildcard tests/bench/*.c))))
LIB        := $(BUILD)/libburstd.a
WORLD      := $(BUILD)/libworld.a
PROGRAMS   := $(BUILD)/burstd $(if $(wildcard tests/world/main.c),$(BUILD)/burstd-world)
# The documented place of the binary is build/burstd, whatever the variants are called.
ifeq ($(BUILD),build/gcc)
PROGRAMS   += $(PROGRAMS:build/gcc/%=build/%)
endif

# --- what people type ---------------------------------------------------------------------------------------------------

# Sub-makes use every core, unless the caller has set a number of jobs.
JOBS     = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
SUBMAKE  = $(MAKE) --no-print-directory $(JOBS)
STEP     = printf '\n== %s\n'
PYTEST  := /usr/bin/python3 -B -m pytest -q -p no:cacheprovider

.PHONY: all run picture test lint bench install deb test-deb test-docker docs clean
all: build/.deps-run
	@$(SUBMAKE) programs

run: build/.deps-run
	@$(SUBMAKE) VARIANT=gcc programs
	@exec tools/demo.sh

# What the dashboard looks like in the middle of a burst.
picture: build/.deps-run build/.deps-test
	@$(SUBMAKE) VARIANT=gcc programs
	@BURSTD_BIN=build/gcc/burstd BURSTD_WORLD_BIN=build/gcc/burstd-world $(PYTEST) tests/browser/test_picture.py
	@echo 'the picture: build/screenshots/dashboard.png'

# One step after the other: the first that fails ends the run.
test: build/.deps-run build/.deps-test
	@$(STEP) 'lint' && $(SUBMAKE) lint test-lint
	@$(STEP) 'clang, warnings are errors' && $(SUBMAKE) VARIANT=clang programs tests benches
	@$(STEP) 'gcc: unit tests' && $(SUBMAKE) VARIANT=gcc programs tests && $(SUBMAKE) VARIANT=gcc unit
	@$(STEP) 'gcc: simulation' && $(SUBMAKE) VARIANT=gcc simulation
	@$(STEP) 'ASan and UBSan: unit tests' && $(SUBMAKE) VARIANT=asan programs tests && $(SUBMAKE) VARIANT=asan unit
	@$(STEP) 'ASan and UBSan: simulation' && $(SUBMAKE) VARIANT=asan SEEDS=8 simulation
	@$(STEP) 'TSan: unit tests' && $(SUBMAKE) VARIANT=tsan programs tests && $(SUBMAKE) VARIANT=tsan unit
	@$(STEP) 'TSan: simulation' && $(SUBMAKE) VARIANT=tsan SEEDS=4 simulation
	@$(STEP) 'API, the ASan build' && $(SUBMAKE) VARIANT=asan test-api
	@$(STEP) 'upstream systems that are not ours, the ASan build' && $(SUBMAKE) VARIANT=asan test-upstream
	@$(STEP) 'requests from the contract, the ASan build' && $(SUBMAKE) VARIANT=asan test-property
	@$(STEP) 'kill -9, the gcc build' && $(SUBMAKE) VARIANT=gcc test-crash
	@$(STEP) 'the dashboard in Chromium, the gcc build' && $(SUBMAKE) VARIANT=gcc test-browser
	@echo && echo 'make test: everything passed'

lint: build/.deps-test
	@clang-format --dry-run -Werror $$(find . -name build -prune -o -name '*.[ch]' -print)
	@echo 'clang-format: ok'
	@tools/lint-includes
	@tools/lint-rules
	@tools/lint-checks
	@tools/lint-banned
	@tools/lint-migrations
	@tools/lint-openapi
	@$(SUBMAKE) lint-docs

bench: build/.deps-run build/.deps-bench
	@$(SUBMAKE) VARIANT=bench programs benches
	@$(SUBMAKE) VARIANT=bench run-benches

# UNITS is where systemd's units go; empty for a package that brings them itself.
UNITS ?= $(PREFIX)/lib/systemd/system
install: build/.deps-run
	@$(SUBMAKE) VARIANT=gcc build/gcc/burstd build/gcc/burstd.8
	install -D -m 755 build/gcc/burstd $(DESTDIR)$(PREFIX)/bin/burstd
	install -D -m 644 build/gcc/burstd.8 $(DESTDIR)$(PREFIX)/share/man/man8/burstd.8
	install -d $(DESTDIR)$(PREFIX)/share/doc/burstd
	install -m 644 README.md CHANGELOG.md LICENSE docs/*.md $(DESTDIR)$(PREFIX)/share/doc/burstd
	install -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/burstd build/npm/swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt
	$(if $(UNITS),install -d $(DESTDIR)$(UNITS))
	$(if $(UNITS),for unit in burstd.service burstd@.service; do sed 's|/usr/bin/burstd|$(PREFIX)/bin/burstd|' debian/$$unit >$(DESTDIR)$(UNITS)/$$unit; done)
	$(if $(UNITS),install -D -m 644 debian/burstd.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/burstd.conf)

deb: build/.deps-run build/.deps-deb build/assets/docs/.made build/assets/dashboard/.made
	@tools/build-deb.sh

# The package in a machine of its own: installed, started, upgraded, purged. As root; needs debootstrap and a mirror.
test-deb: deb build/.deps-deb
	@tools/test-deb.sh build/deb/burstd_$(VERSION)_*.deb

# What the Dockerfile does, in such machines of its own, without a Docker engine.
test-docker: build/.deps-deb build/.deps-test
	@tools/test-docker.sh

# The parts of the manual that are made from the code.
docs: $(BUILD)/options
	@$< markdown | tools/fill-options docs/configuration.md

clean:
	rm -rf build

build/.deps-%: tools/install-deps.sh
	@tools/install-deps.sh $*
	@mkdir -p build && touch $@

# --- the steps of make test, for one VARIANT; after "make VARIANT=... programs tests" -------------------------------------

# The sanitizers' shadow memory and wide address randomisation do not go together; not every container may turn it off.
NO_ASLR = $(if $(filter asan tsan,$(VARIANT)),$(shell setarch -R true 2>/dev/null && echo setarch -R))
export UBSAN_OPTIONS := print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS  := halt_on_error=1:second_deadlock_stack=1

.PHONY: programs tests benches unit simulation run-benches lint-docs test-lint test-api test-upstream test-property test-crash test-browser
programs: $(PROGRAMS)
tests: $(UNIT_BIN) $(SIM_BIN)
benches: $(BENCH_BIN)

unit: $(UNIT_BIN)
	@$(NO_ASLR) tools/run-unit.sh $^

# All seeds, or the first SEEDS of them.
simulation: $(BUILD)/simulation
	@$(NO_ASLR) $< $(if $(SEEDS),--seeds $(SEEDS))

lint-docs: $(BUILD)/options
	@$< markdown | tools/fill-options --check docs/configuration.md

test-lint:
	@$(PYTEST) tests/lint

test-api:
	@BURSTD_BIN=$(BUILD)/burstd BURSTD_WORLD_BIN=$(BUILD)/burstd-world $(NO_ASLR) $(PYTEST) tests/api

test-upstream:
	@BURSTD_BIN=$(BUILD)/burstd BURSTD_WORLD_BIN=$(BUILD)/burstd-world $(NO_ASLR) $(PYTEST) tests/upstream

# SEED=7 makes other requests, REQUESTS=200000 more of them.
test-property:
	@BURSTD_BIN=$(BUILD)/burstd BURSTD_WORLD_BIN=$(BUILD)/burstd-world $(NO_ASLR) $(PYTEST) tests/property

test-crash:
	@BURSTD_BIN=$(BUILD)/burstd BURSTD_WORLD_BIN=$(BUILD)/burstd-world $(NO_ASLR) $(PYTEST) tests/crash

# Screenshots: build/screenshots.
test-browser: build/npm/axe-core/axe.min.js
	@BURSTD_BIN=$(BUILD)/burstd BURSTD_WORLD_BIN=$(BUILD)/burstd-world $(PYTEST) tests/browser

build/npm/axe-core/axe.min.js: tests/browser/package-lock.json
	@tools/fetch-npm --lock $< axe-core $(@D) && touch $@

run-benches: $(BENCH_BIN) $(BUILD)/burstd
	@tests/bench/run.sh $(BUILD)

# --- how files are made ---------------------------------------------------------------------------------------------------

# One short line a file; V=1 shows the commands.
Q := $(if $(V),,@)

build/burstd build/burstd-world: build/%: build/gcc/%
	@ln -sf gcc/$(@F) $@

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo 'CC   $@'
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

# Files that are built into the binary by the assembler's .incbin.
$(BUILD)/store/migrations.o: $(wildcard migrations/*.sql)
$(BUILD)/handlers/contract.o: $(wildcard openapi/openapi.yaml)
$(BUILD)/handlers/docs.o: build/assets/docs/.made
$(BUILD)/handlers/dashboard.o: build/assets/dashboard/.made

# The files of both pages: ours, and a library's each, as the lock file has it. Other files than pages are for npm.
web_files = $(wildcard web/$(1)/*.html web/$(1)/*.js web/$(1)/*.css web/$(1)/*.svg)
build/assets/%/.made: web/%/package-lock.json
	@mkdir -p $(@D)
	$(Q)for file in $(call web_files,$*); do gzip -9nc $$file >$(@D)/$${file##*/}.gz || exit; done
	@$(call take_$*,$(@D))
	@touch $@
build/assets/docs/.made: $(call web_files,docs)
build/assets/dashboard/.made: $(call web_files,dashboard)

take_docs = tools/fetch-npm --lock $< swagger-ui-dist build/npm/swagger-ui-dist && \
	gzip -9nc build/npm/swagger-ui-dist/swagger-ui.css >$(1)/swagger-ui.css.gz && \
	gzip -9nc build/npm/swagger-ui-dist/swagger-ui-bundle.js >$(1)/swagger-ui.js.gz
take_dashboard = tools/fetch-npm --lock $< uplot build/npm/uplot && \
	gzip -9nc build/npm/uplot/dist/uPlot.min.css >$(1)/uplot.css.gz && \
	gzip -9nc build/npm/uplot/dist/uPlot.iife.min.js >$(1)/uplot.js.gz

# Files that name the version.
$(BUILD)/server/config.o $(BUILD)/store/migrations.o $(BUILD)/clients/transport.o: VERSION

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(WORLD): $(WORLD_OBJ)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/burstd: $(BUILD)/server/main.o $(LIB)
	@echo 'LINK $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/burstd-world: $(BUILD)/tests/world/main.o $(WORLD) $(LIB)
	@echo 'LINK $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/options: $(BUILD)/tools/options.o
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

$(BUILD)/burstd.8: packaging/burstd.8.in $(BUILD)/options VERSION
	$(Q)$(BUILD)/options man | sed -e '/^@OPTIONS@$$/{r /dev/stdin' -e 'd}' -e 's/@VERSION@/$(VERSION)/' $< >$@.new && mv $@.new $@

$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(WORLD) $(LIB)
	@mkdir -p $(@D)
	@echo 'LINK $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

$(BUILD)/simulation: $(SIM_SRC:%.c=$(BUILD)/%.o) $(WORLD) $(LIB)
	@echo 'LINK $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(BENCH_OBJ) $(WORLD) $(LIB)
	@mkdir -p $(@D)
	@echo 'LINK $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

-include $(shell test -d $(BUILD) && find $(BUILD) -name '*.d')
.SECONDARY:
