#!/bin/sh
# lint.sh: the rules of the house that a program can check.  From the root:
#
#	make lint		everything, with the objects built first
#	sh tests/lint.sh RULE...	only these, e.g. floors banned
#
# Prints "file:line: why" for every violation, "ok RULE" or "not ok RULE", and
# a closing line.  Lines with "warning:" do not fail.  A rule whose tool is
# missing says "not run" and is not counted as passed.

# Lists of file names are split on purpose.
# shellcheck disable=SC2086
set -u
here=$(dirname "$0")
LINT_OBJ=${LINT_OBJ:-build/obj-cc}
LINT_CC=${LINT_CC:-cc -iquote . -iquote gateway -D_GNU_SOURCE -std=c11}
LINT_TEST_CC=${LINT_TEST_CC:--iquote tests/support}
# Writable objects: the log's state, conn's shared buffer, three counters for
# tests (operations, connections, messages), the master's signal flags, the
# reader of libconfuse's callbacks (which get no context), the daemon's pipe,
# the list of shared memory (whose users need not know of each other).
LINT_GLOBALS=${LINT_GLOBALS:-9}
CLANG_FORMAT=${CLANG_FORMAT:-clang-format}
POSTERND=${POSTERND:-build/posternd}

# Files that may use libevent; everybody else uses loop, op and conn.
event_files='^(loop|conn|http_multi|conn_impl|dns_try|time|op|reaper|worker|master|listener|admin|admin_control|worker_control|agent)\.[ch]$'
linux_headers='^(linux\/|sys\/(epoll|prctl|sendfile|inotify|eventfd|timerfd|signalfd|fanotify|syscall|capability|vfs)\.h)'
banned='strcpy|strcat|strncpy|sprintf|vsprintf|gets|atoi|atol|strtok|alloca|system|popen|signal|gethostbyname|bufferevent_[a-z_]*'

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
passed=0 failed=0 notrun=0

# existing FILE...: a pattern that matched nothing is not a file
existing() {
	for f; do
		[ ! -f "$f" ] || echo "$f"
	done
}

product=$(existing gateway/*.[ch] filters/*.[ch] backends/*.[ch] ctl/*.[ch])
tests=$(existing tests/*/*.[ch] bench/*.[ch])
headers=$(echo "$product" | grep '\.h$')
# shellcheck disable=SC2034 # for symbols.sh
gateway_c=$(echo "$product" | grep '^gateway/.*\.c$')
scripts=$(existing bootstrap .ci/run tests/pre-commit tests/*.sh tests/*/*.sh bench/*.sh \
    tests/support/rc/*.subr rc/*bsd.in)

# shellcheck source=/dev/null
. "$here/lint/symbols.sh"

text() {
	pass=$1
	shift
	[ $# -eq 0 ] || awk -v RULE="$pass" -v BANNED="$banned" \
	    -f "$here/lint/text.awk" "$@"
}
rule_banned() { text banned $product $tests; }
rule_length() { text length $product $tests; }
rule_guard() { text guard $headers; }
rule_blanks() {
	others=$(existing GNUmakefile BSDmakefile man/*.[1-9] tests/lint/*.awk)
	text blanks $product $tests $scripts $others
}
rule_floors() {
	[ -z "$product" ] || awk -v EVENT="$event_files" -v LINUX="$linux_headers" \
	    -f "$here/lint/includes.awk" tests/floors.txt $product
}

# A guard hides a cycle from the compiler, not from tsort.
rule_cycles() {
	[ -z "$headers" ] || grep -H '^#include "' $headers | sed \
	    's,^.*/\([^/:]*\):#include "\(.*/\)*\([^"/]*\)".*,\1 \3,' |
	    tsort 2>&1 >/dev/null | sed 's/^tsort: */headers include in a circle: /'
}

# Each header says itself what it needs.
rule_standalone() {
	for h in $headers; do
		printf '#include "%s"\nextern int none;\n' "$h" >"$tmp/alone.c"
		eval "$LINT_CC -iquote \"\$PWD\" -fsyntax-only \"$tmp/alone.c\"" \
		    >"$tmp/alone" 2>&1 ||
		    echo "$h:1: does not compile alone: $(grep -m1 error "$tmp/alone")"
	done
}

# What only another system compiles, compiled as if on it: by this machine's
# headers, without its name, and with what the BSDs declare besides.  Only
# compat and priv may ask for a system.
rule_systems() {
	for f in $(grep -lE '__(linux|[A-Z][A-Za-z]*BSD)__' $product /dev/null); do
		case $f in
		gateway/compat.[ch] | gateway/priv_*.[ch]) ;;
		*) echo "$f:1: asks for a system; that belongs into compat or priv_*" ;;
		esac
		for name in FreeBSD OpenBSD NetBSD; do
			eval "$LINT_CC -DAS_$name -isystem tests/lint/bsd" \
			    "-Werror=implicit-function-declaration" \
			    "-include tests/lint/bsd/calls.h -fsyntax-only $f" \
			    >"$tmp/system" 2>&1 ||
			    echo "$f:1: not for $name: $(grep -m1 error "$tmp/system")"
		done
	done
}

# What uses TLS has to do without what LibreSSL lacks, or to ask.  HMAC_CTX,
# which it has, is deprecated here.
rule_libressl() {
	for f in $(grep -l '<openssl/' $product /dev/null | grep '\.c$'); do
		eval "$LINT_CC -Wno-deprecated-declarations" \
		    "-Werror=implicit-function-declaration" \
		    "-include tests/lint/libressl.h -fsyntax-only $f" \
		    >"$tmp/libressl" 2>&1 ||
		    echo "$f:1: not for LibreSSL: $(grep -m1 error "$tmp/libressl")"
	done
}

rule_format() {
	[ -n "$product$tests" ] || return 0
	if command -v "$CLANG_FORMAT" >/dev/null; then
		"$CLANG_FORMAT" --dry-run -Werror $product $tests 2>&1 | awk -F : '
		/: error: / && !n[$1] { first[$1] = $2 }
		/: error: / { n[$1]++ }
		END { for (f in n) print f ":" first[f] ": not formatted in " \
		    n[f] " places: make format" }' | sort
	else
		echo "not run: no $CLANG_FORMAT"
	fi
}
rule_shell() {
	if command -v shellcheck >/dev/null; then
		shellcheck -S warning -f gcc $scripts
	else
		echo "not run: no shellcheck"
	fi
}
rule_manual() {
	pages=$(existing man/*.[1-9])
	if command -v mandoc >/dev/null; then
		[ -z "$pages" ] || mandoc -Tlint -W warning $pages
	else
		echo "not run: no mandoc"
	fi
}
rule_options() { sh "$here/lint-options.sh" "$POSTERND" man/postern.conf.5; }
rule_log() {
	daemon=$(echo "$product" | grep -v '^ctl/')
	sh "$here/lint-log.sh" etc/log.schema.json man/postern-log.5 $daemon
}

all="floors cycles guard standalone systems libressl banned length blanks tables globals unused
    format options log shell manual"
[ $# -gt 0 ] || set -- $all
for rule; do
	"rule_$rule" >"$tmp/out" 2>&1
	sed "s/^not run/not run $rule/" "$tmp/out"
	if grep -qv -e '^warning: ' -e '^not run' "$tmp/out"; then
		echo "not ok $rule"
		failed=$((failed + 1))
	elif grep -q '^not run' "$tmp/out"; then
		notrun=$((notrun + 1))
	else
		echo "ok $rule"
		passed=$((passed + 1))
	fi
done
line="$passed passed, $failed failed"
[ $notrun -eq 0 ] || line="$line, $notrun not run"
echo "$line"
[ $failed -eq 0 ]
