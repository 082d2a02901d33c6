# The log routing service. `make deps run` sets it up and shows it at work;
# `make deps check` tests all of it; `make help` lists the targets and the variables.

VERSION := 0.1.0
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
CC ?= cc
OPTIMIZE ?= -O2 -g
WARNINGS ?= -Wall -Wextra -Wpedantic -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wpointer-arith -Wvla \
	-Wformat=2 -Wundef
SANITIZE ?=
# As Debian builds its packages: see dpkg-buildflags(1). _FORTIFY_SOURCE needs
# an optimizer, and is in the way of a sanitizer.
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE \
	-Wformat -Werror=format-security \
	$(if $(findstring x86_64,$(shell $(CC) -dumpmachine)),-fcf-protection) \
	$(if $(SANITIZE)$(filter -O0,$(OPTIMIZE) $(CFLAGS)),,\
		-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2) \
	$(if $(SANITIZE),-DSANITIZED)
HARDEN_LINK := -pie -Wl,-z,relro,-z,now
TESTS ?= tests/integration/*.t
JOBS ?= $(shell nproc)
TEST_TIMEOUT ?= 180
WAIT_SCALE ?= 1

# --- what is built

# A tool is a folder of cmd/ with a main.c. Those of the replicated stream are
# left out where its library is missing.
STREAM := $(shell pkg-config --exists libnats 2>/dev/null && echo libnats)
STREAM_TOOLS := logship logfetch
TOOLS := $(filter-out $(if $(STREAM),,$(STREAM_TOOLS)),\
	$(patsubst cmd/%/main.c,%,$(wildcard cmd/*/main.c)))

# The drivers of logload, each cmd/logload/db/NAME.c and NAME_*.c, as
# NAME:PKG-CONFIG-MODULE:PACKAGE. One whose library is missing is left out.
MYSQL := $(shell pkg-config --exists mysqlclient 2>/dev/null && \
	echo mysqlclient || echo libmariadb)
DRIVERS := mysql:$(MYSQL):default-libmysqlclient-dev \
	postgresql:libpq:libpq-dev sqlite:sqlite3:libsqlite3-dev \
	odbc:odbc:unixodbc-dev
of = $(word $(1),$(subst :, ,$(2)))
BUILT := $(foreach d,$(DRIVERS),$(if $(shell \
	pkg-config --exists $(call of,2,$(d)) 2>/dev/null && echo yes),$(d)))
LEFT_OUT := $(filter-out $(BUILT),$(DRIVERS))
LEFT_OUT_FILES := $(wildcard $(foreach d,$(LEFT_OUT),$(addprefix \
	cmd/logload/db/$(call of,1,$(d)),.c _*.c)))
SAY_logload := the drivers $(foreach d,$(BUILT),$(call of,1,$(d)))$(foreach \
	d,$(LEFT_OUT), - not $(call of,1,$(d)), which needs $(call of,3,$(d)))

PACKAGES_logrecv := libevent_core libssl libcrypto zlib libzstd snappy
PACKAGES_logbatch :=
PACKAGES_logload := $(foreach d,$(BUILT),$(call of,2,$(d))) \
	zlib libzstd libcrypto
PACKAGES_logsend := libevent_core json-c libssl libcrypto
# Its pkg-config file asks for all of libevent.
LIBS_logsend := -levent_openssl
PACKAGES_logship := $(STREAM)
PACKAGES_logfetch := $(STREAM)
PACKAGES_tests := json-c

ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Icommon \
	$(WARNINGS) $(OPTIMIZE) $(HARDEN) $(SANITIZE) -pthread -MMD -MP \
	$(CFLAGS)
ALL_LDFLAGS = $(HARDEN_LINK) $(SANITIZE) -pthread $(LDFLAGS)
pkg = $(if $(2),$(shell pkg-config $(1) $(2)))

# A folder's own, and those of its rooms.
objects = $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(LEFT_OUT_FILES),\
	$(wildcard $(1)/*.c $(1)/*/*.c)))
COMMON := $(filter-out $(if $(STREAM),,%/jetstream.o %/jetstream_files.o %/jetstream_monitor.o),\
	$(call objects,common))
PROGRAMS := $(TOOLS:%=$(BUILD)/%)
UNITS := $(patsubst %.c,$(BUILD)/%,\
	$(filter-out %/replay.c,$(wildcard tests/unit/*.c tests/fuzz/*.c)))

all: $(PROGRAMS) ## build all tools into build/
units: $(UNITS) ## build the unit tests

# One program a folder, linked with what it uses of common/.
define tool
$(call objects,cmd/$(1)): OWN_CFLAGS = $$(call pkg,--cflags,$(PACKAGES_$(1)))
$(BUILD)/$(1): $(call objects,cmd/$(1)) $(BUILD)/libcommon.a
	$$(CC) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o %.a,$$^) \
		$$(call pkg,--libs,$(PACKAGES_$(1))) $(LIBS_$(1))
	$(if $(SAY_$(1)),@echo '$(1) has $(SAY_$(1))')
endef
$(foreach t,$(TOOLS),$(eval $(call tool,$(t))))

, := ,
# tests/unit/NAME.c is one program. TOOL-PART.c is linked with all of that
# tool but its main.c; LINK_NAME adds arguments for the linker. So is
# tests/fuzz/NAME.c, with FUZZ_MAIN, and what it compares with, if that is there.
LINK_spool-faults := $(addprefix -Wl$(,)--wrap=,write fdatasync fsync ftruncate \
	renameat renameat2 openat mkdirat unlinkat flock fstat fstatat fchmod \
	getrandom fcntl)
LINK_logload-retain := -Wl$(,)--wrap=clock_wall_us
LINK_spool-sweep := $(LINK_spool-faults)
FUZZ_MAIN ?= $(BUILD)/tests/fuzz/replay.o
LIBS_fuzz/json := $(if $(filter sqlite:%,$(BUILT)),-lsqlite3)
LIBS_fuzz/logrecv-http := $(if $(wildcard /usr/include/http_parser.h),\
	-lhttp_parser)
define unit
OF_$(1) := $(filter $(firstword $(subst -, ,$(notdir $(1)))),$(TOOLS))
$(BUILD)/tests/$(1).o: OWN_CFLAGS = \
	$$(call pkg,--cflags,$(PACKAGES_tests) $$(PACKAGES_$$(OF_$(1))))
$(BUILD)/tests/$(1): $(BUILD)/tests/$(1).o \
		$(if $(filter fuzz/%,$(1)),$(FUZZ_MAIN)) \
		$$(if $$(OF_$(1)),$$(filter-out %/main.o,\
		$$(call objects,cmd/$$(OF_$(1))))) $(BUILD)/libcommon.a
	$$(CC) $$(ALL_LDFLAGS) $$(LINK_$(notdir $(1))) -o $$@ \
		$$(filter %.o %.a,$$^) \
		$$(call pkg,--libs,$(PACKAGES_tests) $$(PACKAGES_$$(OF_$(1)))) \
		$$(LIBS_$$(OF_$(1))) $$(LIBS_$(1))
endef
$(foreach u,$(UNITS:$(BUILD)/tests/%=%),$(eval $(call unit,$(u))))

$(BUILD)/libcommon.a: $(COMMON)
	rm -f $@
	ar rcs $@ $^

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(OWN_CFLAGS) -c -o $@ $<

# It has these in it, as they are.
$(BUILD)/cmd/logrecv/page/files.o: $(filter-out %.c %.h %.png,\
	$(wildcard cmd/logrecv/page/*))

# Changes when the compiler, its flags or the libraries do, and then all is
# built anew.
FLAGS = $(CC) $(subst ','\'',$(ALL_CFLAGS)) $(PACKAGES_logload) $(STREAM)
$(BUILD)/flags: always
	@mkdir -p $(@D)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' >$@

# --- what it needs

# COMMAND:PACKAGE and PKG-CONFIG-MODULE:PACKAGE
NEED_COMMANDS := $(firstword $(CC)):gcc ar:binutils pkg-config:pkg-config \
	perl:perl prove:perl curl:curl mariadbd:mariadb-server-core \
	mariadb-install-db:mariadb-server-core mariadb:mariadb-client-core \
	setpriv:util-linux flock:util-linux timeout:coreutils ps:procps \
	script:bsdutils strace:strace gzip:gzip zstd:zstd openssl:openssl \
	sqlite3:sqlite3 psql:postgresql-client initdb:postgresql \
	pgbouncer:pgbouncer pgrep:procps
NEED_MODULES := libevent_core:libevent-dev libevent_openssl:libevent-dev \
	json-c:libjson-c-dev \
	libnats:libnats-dev \
	zlib:zlib1g-dev libzstd:libzstd-dev libssl:libssl-dev \
	snappy:libsnappy-dev \
	libcrypto:libssl-dev \
	$(foreach d,$(DRIVERS),$(call of,2,$(d)):$(call of,3,$(d)))
# Their ODBC drivers are for tests, which else skip them.
DEPS := $(filter-out clang,$(sort libc6-dev make bash \
	odbc-mariadb odbc-postgresql libsqliteodbc \
	$(foreach n,$(NEED_COMMANDS) $(NEED_MODULES),$(lastword $(subst :, ,$(n))))))

deps: ## install what building and testing need (Debian, Ubuntu)
	@sh tests/deps $(DEPS)

# And what .ci/run needs besides; of Debian 12.
deps-ci: deps
	@sh tests/deps e2fsprogs mount clang clang-format clang-tidy \
		libclang-rt-14-dev cppcheck shellcheck mandoc haproxy nginx-light \
		rsyslog-elasticsearch collectd-core libyajl2

deps-deb:
	@sh tests/deps debhelper lintian

# By another make: deps may have installed a library since this one looked.
run: ## start the pipeline under ./var, send it events, and show them as rows
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@PIPELINE_BIN='$(BUILD)' cmd/pipeline/try

# Installs nothing: says what is missing, and how to get it.
needs:
	@PATH="$$PATH:/usr/local/sbin:/usr/sbin:/sbin:$$(echo \
		/usr/lib/postgresql/*/bin | tr ' ' :)"; \
	missing=$$(for need in $(NEED_COMMANDS); do \
		command -v "$${need%%:*}" >/dev/null || echo "  $${need#*:}" \
			"($${need%%:*})"; done; \
	for need in $(NEED_MODULES); do \
		pkg-config --exists "$${need%%:*}" 2>/dev/null || \
			echo "  $${need#*:} ($${need%%:*})"; done); \
	[ -z "$$missing" ] || { printf '%s\n' \
		'Missing, by the names of Debian packages:' "$$missing" \
		'To install them: make deps' >&2; exit 1; }

# --- tests

# Unless make was told itself how many jobs to run.
PARALLEL = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS))

# A test of what holds for each database says so: "# databases: mariadb ...".
# mysql may be one of these, where Docker has its image.
DATABASES ?= postgresql sqlite odbc
OF_DATABASE = $(if $(CHOSEN),$(shell grep -lE '^\# databases:.* $(1)( |$$)' \
	$(CHOSEN)))
# A test that measures time has a line "# alone: why", and runs alone.
CHOSEN = $(wildcard $(TESTS))
ALONE = $(if $(CHOSEN),$(shell grep -l '^\# alone: ' $(CHOSEN)))
ON_DATABASES = $(foreach d,$(DATABASES),tests='$(call OF_DATABASE,$(d))'; \
	[ -z "$$tests" ] || DB=$(d) $(PROVE) -j $(JOBS) $$tests || status=1;)
PROVE = BUILD='$(BUILD)' WAIT_SCALE='$(WAIT_SCALE)' prove --timer \
	--exec 'timeout -k 10 $(TEST_TIMEOUT)'

check: needs ## build, then run all unit and integration tests
	@$(MAKE) --no-print-directory $(PARALLEL) all units
	@status=0; \
	$(PROVE) -j $(JOBS) $(UNITS) $(filter-out $(ALONE),$(CHOSEN)) || \
		status=1; \
	[ -z '$(ALONE)' ] || $(PROVE) $(ALONE) || status=1; \
	$(ON_DATABASES) \
	exit $$status

check-databases: needs ## the tests of what holds for each of DATABASES alone
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@status=0; \
	$(ON_DATABASES) \
	exit $$status

check-compose: ## the Compose files, as a user would (needs Docker)
	prove --timer --exec 'timeout -k 10 1200' tests/compose.sh

check-fresh: ## the README's commands in a fresh Debian (needs Docker)
	tests/fresh compose
	tests/fresh make

mysql-image:
	docker image inspect -f . mysql:9.7 2>/dev/null || docker pull mysql:9.7

# A sanitizer's finding ends the program, and its report fails the test.
export ASAN_OPTIONS ?= detect_leaks=1:detect_stack_use_after_return=1:allocator_may_return_null=1
export UBSAN_OPTIONS ?= print_stacktrace=1
export TSAN_OPTIONS ?= halt_on_error=0:second_deadlock_stack=1

check-asan: ## the same under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory check BUILD=build-asan OPTIMIZE='-O1 -g' \
		SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer' \
		WAIT_SCALE=4 TEST_TIMEOUT=600

check-tsan: ## the threaded parts under ThreadSanitizer
	@$(MAKE) --no-print-directory check BUILD=build-tsan OPTIMIZE='-O1 -g' \
		SANITIZE='-fsanitize=thread -fno-omit-frame-pointer' \
		WAIT_SCALE=4 TEST_TIMEOUT=600 UNITS='$(patsubst \
		%,build-tsan/tests/unit/%,spool metrics log)' \
		TESTS='tests/integration/logrecv-*.t tests/integration/logload-*.t'

check-clang: ## build all with clang and run the unit tests of that
	@$(MAKE) --no-print-directory check BUILD=build-clang CC=clang TESTS=

# --- fuzzing

FUZZ_TARGETS ?= $(filter-out replay,\
	$(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c)))
FUZZ_TIME ?= 60s

fuzz: ## try FUZZ_TARGETS with whatever libFuzzer finds, FUZZ_TIME for each
	@$(MAKE) --no-print-directory $(PARALLEL) BUILD=build-fuzz CC=clang \
		FUZZ_MAIN= OPTIMIZE='-O1 -g' \
		SANITIZE='-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all' \
		$(FUZZ_TARGETS:%=build-fuzz/tests/fuzz/%)
	@BUILD=build-fuzz JOBS='$(JOBS)' tests/fuzz/run $(FUZZ_TIME) $(FUZZ_TARGETS)

# --- lint

C_FILES := $(wildcard common/*.[ch] cmd/*/*.[ch] cmd/*/*/*.[ch] tests/*/*.[ch])
SH_FILES = $(shell grep -lE '^\#!.*[ /](ba)?sh$$|^\# shellcheck shell=' \
	$(wildcard pipeline.sh .ci/run cmd/* cmd/*/* tests/* tests/*/* \
	tests/*/*/*) 2>/dev/null)
MAN_PAGES := $(wildcard cmd/*/*.[1-8])

lint: lint-format lint-cppcheck lint-tidy lint-sh lint-man ## look at the sources

lint-format:
	clang-format --dry-run -Werror $(C_FILES)

lint-cppcheck:
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr -j $(JOBS) \
		--enable=warning,performance,portability \
		--suppress=missingIncludeSystem \
		--suppress=funcArgOrderDifferent --suppress=uninitvar:*tests/unit/* \
		-D_GNU_SOURCE -DVERSION='""' -Icommon common cmd tests/unit tests/fuzz

lint-tidy:
	printf '%s\n' $(wildcard common/*.c cmd/*/*.c \
		cmd/*/*/*.c tests/unit/*.c tests/fuzz/*.c) | xargs -P $(JOBS) -n 4 sh -c \
		'clang-tidy --quiet "$$@" -- -std=c11 -D_GNU_SOURCE \
		-DVERSION=\"\" -Icommon $(call pkg,--cflags,$(sort \
		$(PACKAGES_logrecv) $(PACKAGES_logload) $(PACKAGES_logsend) $(STREAM))) \
		2>/dev/null' sh

# SC2119, SC2120: functions of tests/lib.sh whose arguments may be left out.
lint-sh:
	printf '%s\n' $(SH_FILES) | xargs -P $(JOBS) -n 8 \
		shellcheck -x -P SCRIPTDIR -e SC2119,SC2120
	@for t in $(wildcard tests/integration/*.t); do \
		[ -x "$$t" ] || { echo "$$t is not executable"; exit 1; }; done

# mandoc's findings are on stdout, and its status tells only the worst ones. It
# looks for the pages that are referred to among those that are installed.
lint-man: html
	@! mandoc -T lint $(MAN_PAGES) | grep -v 'referenced manual not found'
	@! cat $(BUILD)/html/*.html | grep -o 'href="[^#"]*' | sort -u | \
		sed 's,.*",$(BUILD)/html/,' | xargs ls 2>&1 >/dev/null | grep .

# --- installing

html: ## render all manual pages into $(BUILD)/html, with links
	@mkdir -p '$(BUILD)/html' && for page in $(MAN_PAGES); do \
		mandoc -T html -O 'toc,man=%N.%S.html' "$$page" \
			>"$(BUILD)/html/$${page##*/}.html" || exit 1; done
	@echo '$(BUILD)/html/logs.7.html'

INSTALL_MAN = for page in $(MAN_PAGES); do \
	where=$(DESTDIR)$(PREFIX)/share/man/man$${page\#\#*.}

install: all ## install programs and man pages (PREFIX, DESTDIR)
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(PROGRAMS) $(wildcard pipeline.sh) $(DESTDIR)$(PREFIX)/bin
	$(INSTALL_MAN); install -d "$$where" && \
		install -m 644 "$$page" "$$where" || exit 1; done

uninstall: ## remove what install put there
	rm -f $(TOOLS:%=$(DESTDIR)$(PREFIX)/bin/%) \
		$(DESTDIR)$(PREFIX)/bin/pipeline.sh
	$(INSTALL_MAN); rm -f "$$where/$${page##*/}"; done

# Of the last commit's time, so that two builds of it are the same bytes. What the
# packages are made of is in cmd/pipeline/debian, which dpkg wants at the top.
DEB := $(BUILD)/deb/logs
DEB_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || date +%s)
DEB_MAINTAINER ?= Maintainers of logs <logs@users.noreply.github.com>
deb: ## build Debian packages into build/deb/
	rm -rf $(BUILD)/deb
	mkdir -p $(DEB)
	cp -R Makefile pipeline.sh cmd common $(DEB)
	cp -R cmd/pipeline/debian $(DEB)
	sed -i 's/@MAINTAINER@/$(DEB_MAINTAINER)/' $(DEB)/debian/control
	printf '%s\n' "logs ($(VERSION)+$$(date -ud @$(DEB_EPOCH) +%Y%m%d%H%M%S)) \
	unstable; urgency=medium" '' '  * As the log of the repository says.' '' \
		" -- $(DEB_MAINTAINER)  $$(date -uRd @$(DEB_EPOCH))" \
		>$(DEB)/debian/changelog
	cd $(DEB) && env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -b -us -uc

# What is released beside the packages: their checksums, and the notes of this
# version, which must be that of the tag.
RELEASE := $(BUILD)/release
release-files:
	[ "$${GITHUB_REF_NAME:-v$(VERSION)}" = 'v$(VERSION)' ]
	mkdir -p $(RELEASE)
	awk '/^## / { here = $$2 == "$(VERSION)"; next } here' \
		.github/CHANGELOG.md >$(RELEASE)/NOTES.md
	grep -q . $(RELEASE)/NOTES.md
	cd $(RELEASE) && sha256sum *.deb >SHA256SUMS

# Needs debhelper, lintian, systemd and Docker.
check-deb: deb ## look at the packages, build them again, install them somewhere
	lintian --fail-on warning $(BUILD)/deb/*.deb
	cd $(BUILD)/deb && sha256sum *.deb >../deb.sums
	for unit in logrecv logbatch logload; do systemd-analyze security \
		--offline=yes --threshold=20 --root=$(DEB)/debian/logs-pipeline \
		$$unit.service >/dev/null || exit 1; done
	tests/deb $(BUILD)/deb
	$(MAKE) -s deb && cd $(BUILD)/deb && sha256sum --check ../deb.sums

clean: ## remove everything that was built
	rm -rf build build-* $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1	\2/p' Makefile | expand -t 16
	@echo 'Variables: BUILD=$(BUILD) CC=$(CC) SANITIZE= PREFIX=$(PREFIX)' \
		'DESTDIR= JOBS=$(JOBS) TESTS= TEST_TIMEOUT=$(TEST_TIMEOUT)'

# --- benchmarks

# Programs to compare with. BENCH is for more options of tests/bench/run.
BENCHES := $(addprefix $(BUILD)/tests/bench/,responder evhttp events)
$(BENCHES): %: %.o $(BUILD)/tests/bench/workers.o
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(call pkg,--libs,libevent)

bench: all $(BENCHES) ## measure everything against what it should reach
	BUILD='$(BUILD)' tests/bench/run $(BENCH)
bench-quick: all $(BENCHES) ## the same in two minutes, less exact
	BUILD='$(BUILD)' tests/bench/run --quick $(BENCH)
profile: all $(BENCHES) ## where logrecv and logload spend their time
	BUILD='$(BUILD)' tests/bench/profile

# --- torture

# The library that makes system calls fail. TORTURE is for more options of
# tests/torture/run.
FAULTS := $(BUILD)/tests/torture/faults.so
$(FAULTS): $(wildcard tests/torture/faults*.[ch]) $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) $(LDFLAGS) -fPIC -shared \
		-o $@ $(filter %.c,$^) -ldl

torture: all $(FAULTS) ## try to break the promise, for forty minutes
	BUILD='$(BUILD)' tests/torture/run $(TORTURE)
# Of the other databases what takes least time, and shows most, beside each
# other; MySQL where its image is there.
TORTURED = postgresql sqlite \
	$(if $(shell docker image inspect -f . mysql:9.7 2>/dev/null),mysql)
torture-quick: all $(FAULTS) ## the same in six minutes, less thorough
	BUILD='$(BUILD)' tests/torture/run --quick $(TORTURE)
	@$(MAKE) --no-print-directory -j --output-sync $(TORTURED:%=torture-quick-%)
torture-quick-%:
	BUILD='$(BUILD)' tests/torture/run --database $* --minutes 0.4 \
		--only kills,changes,retry

-include $(wildcard $(BUILD)/common/*.d $(BUILD)/cmd/*/*.d \
	$(BUILD)/cmd/*/*/*.d $(BUILD)/tests/*/*.d)
.PHONY: all units deps deps-ci deps-deb mysql-image check-compose check-fresh \
	release-files run needs check check-databases check-asan check-tsan \
	check-clang fuzz lint lint-format lint-cppcheck lint-tidy lint-sh lint-man install uninstall deb check-deb clean help \
	bench bench-quick profile torture torture-quick always
.DELETE_ON_ERROR:
.SECONDARY:
