#!/bin/sh
# run.sh: plays the suites and adds them up.  Called by make, from the root.
#
#	run.sh unit PROGRAM...		cmocka programs and corpus replays
#	run.sh scripts PLAY		the transcripts of tests/scripts
#	run.sh interop | faults		the executable scripts of tests/NAME
#	run.sh lint			tests/lint.sh
#	run.sh sanitized		unit and scripts under ASan and UBSan
#	run.sh compat			unit and some scripts, COMPAT_FORCE=1
#	run.sh fuzz TARGET...		libFuzzer, FUZZ_TIME seconds each
#	run.sh all SUITE... [-- MAKE-ARGUMENTS]
#
# A suite shows what matters and the whole output of what failed; its full
# log is RESULTS/SUITE.log, its sums "passed failed not-run" RESULTS/SUITE.sum.
# What could not be tested is said loudly and is never counted as passed.
#
# Scripts and the player print "ok ...", "not ok ...", "not run ..." lines and
# a last line "N passed, N failed[, N not run]"; they exit non-zero on failure.

set -u
RESULTS=${RESULTS:-build/results}
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
POSTERND=${POSTERND:-$BUILD/posternd}
case $POSTERND in /*) ;; *) POSTERND=$PWD/$POSTERND ;; esac
export BUILD POSTERND
# The peers: what the system has, then what bootstrap unpacked.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/pkg/sbin
# shellcheck source=/dev/null
if [ -r build/peers/env ]; then . ./build/peers/env; fi
export PATH

mkdir -p "$RESULTS" || exit 1
passed=0 failed=0 notrun=0

add() {
	passed=$((passed + $1)) failed=$((failed + $2)) notrun=$((notrun + $3))
}

# limited SECONDS COMMAND...: so that a hanging test is a failed test.
limited() {
	seconds=$1
	shift
	if command -v timeout >/dev/null; then
		timeout -k 10 "$seconds" "$@"
	else
		"$@"
	fi
}

# say LINE: to the reader and into the log.
say() {
	printf '%s\n' "$*"
	printf '%s\n' "$*" >>"$log"
}

# finish SUITE: the sums, and the closing line.
finish() {
	echo "$passed $failed $notrun" >"$RESULTS/$1.sum"
	line="$1: $passed passed, $failed failed"
	[ "$notrun" -eq 0 ] || line="$line, $notrun not run"
	say "$line"
	[ "$failed" -eq 0 ]
}

# verdict NAME STATUS OUTPUT: reads the counts from what a program printed.
# cmocka and our own closing line are both understood; a program that fails
# without saying so, or ends without counting anything, is one failure.
verdict() {
	# shellcheck disable=SC2046 # three numbers are wanted
	set -- "$1" "$2" "$3" $(awk '
	/^\[  PASSED  \] [0-9]+ test/ { c = 1; p += $4 }
	/^\[  FAILED  \] [0-9]+ test/ { c = 1; f += $4 }
	/^\[  SKIPPED \] [0-9]+ test/ { c = 1; s += $4 }
	/^[0-9]+ passed, [0-9]+ failed/ { c = 1; P = $1; F = $3; S = $5 }
	END { print p + P, f + F, s + S, c + 0 }' "$3")
	if [ "$7" -eq 0 ] || { [ "$2" -ne 0 ] && [ "$5" -eq 0 ]; }; then
		set -- "$1" "$2" "$3" "$4" $(($5 + 1)) "$6" "$7"
	fi
	add "$4" "$5" "$6"
	cat "$3" >>"$log"
	if [ "$5" -ne 0 ] || [ -n "${V:-}" ]; then
		cat "$3"
		[ "$2" -ne 124 ] || say "not ok $1: timed out"
		[ "$7" -ne 0 ] || say "not ok $1: no closing line, exit $2"
		say "FAILED $1: exit $2, $4 passed, $5 failed"
	else
		grep -E '^(\[(==========|  PASSED  |  SKIPPED )\]|warning|not run)' \
		    "$3" | grep -v '\] Running '
	fi
	sed -n "s,^not run *,$1: ,p" "$3" >>"$RESULTS/$suite.notrun"
}

# skip NAME REASON
skip() {
	add 0 0 1
	say "not run $1: $2"
	echo "$1: $2" >>"$RESULTS/$suite.notrun"
}

valgrind_command() {
	[ -n "${VALGRIND:-}" ] || return 0
	echo "valgrind -q --error-exitcode=99 --leak-check=full" \
	    "--errors-for-leak-kinds=definite,indirect --num-callers=20"
	if [ -f tests/valgrind.supp ]; then
		echo "--suppressions=tests/valgrind.supp"
	fi
}

suite_unit() {
	[ $# -gt 0 ] || skip unit "there are no unit tests"
	for program; do
		name=${program##*/}
		echo "--- $name"
		case $name in
		fuzz_*)
			corpus=tests/corpus/${name#fuzz_}
			if [ ! -d "$corpus" ]; then
				skip "$name" "no corpus $corpus"
				continue
			fi
			# shellcheck disable=SC2086 # words are wanted
			limited 300 $runner "$program" "$corpus" >"$out" 2>&1
			status=$?
			if [ $status -eq 0 ]; then
				echo "1 passed, 0 failed" >>"$out"
			fi
			;;
		*)
			# shellcheck disable=SC2086
			limited 300 $runner "$program" >"$out" 2>&1 </dev/null
			status=$?
			;;
		esac
		verdict "$name" $status "$out"
	done
}

suite_scripts() {
	# shellcheck disable=SC2086 # words are wanted
	set -- "$@" ${SCRIPTS:-tests/scripts/*.smtp}
	if [ $# -lt 2 ] || [ ! -f "$2" ]; then
		skip scripts "no player or no transcripts"
		return
	fi
	# shellcheck disable=SC2086
	limited 900 $runner "$@" >"$out" 2>&1 </dev/null
	verdict scripts $? "$out"
}

suite_directory() {
	found=0
	for script in "tests/$suite"/*.sh; do
		[ -x "$script" ] || continue
		found=1
		echo "--- $script"
		limited 900 "./$script" >"$out" 2>&1 </dev/null
		verdict "${script##*/}" $? "$out"
	done
	[ $found -eq 1 ] || skip "$suite" "there are no tests in tests/$suite"
}

# variant NAME DIRECTORY MAKE-ARGUMENTS: unit and scripts of another build
variant() {
	name=$1 directory=$2
	shift 2
	${MAKE:-make} --no-print-directory "$@" WERROR=1 -k unit scripts \
	    >>"$log" 2>&1 </dev/null
	status=$?
	grep -E '^not ok|warning:|error:|ERROR: |^FAILED' "$log" >"$out"
	cat "$directory"/results/*.sum 2>/dev/null |
	    awk '{ p += $1; f += $2; s += $3 }
	    END { printf "%d passed, %d failed, %d skipped\n", p, f, s }' >>"$out"
	verdict "$name" $status "$out"
}

suite_fuzz() {
	top=$PWD
	for program; do
		name=${program##*/fuzz_}
		new=build/fuzz/corpus/$name
		mkdir -p "$new"
		set -- -max_total_time="${FUZZ_TIME:-60}" -print_final_stats=1 \
		    -timeout=10 -artifact_prefix="build/fuzz/$name-"
		if [ -f "tests/fuzz/$name.dict" ]; then
			set -- "$@" -dict="tests/fuzz/$name.dict"
		fi
		set -- "$@" "$new"
		if [ -d "tests/corpus/$name" ]; then
			set -- "$@" "tests/corpus/$name"
		fi
		echo "--- $name, ${FUZZ_TIME:-60} s"
		"$top/$program" "$@" >"$out" 2>&1 </dev/null
		status=$?
		grep -E '^stat::number_of_executed|cov:.*DONE' "$out"
		if [ $status -eq 0 ]; then
			echo "1 passed, 0 failed" >>"$out"
		fi
		verdict "fuzz_$name" $status "$out"
	done
}

# suite_all: each suite is a make of its own, so that one that does not even
# build is one failed suite and the others still run.
suite_all() {
	suites=
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		suites="$suites $1"
		shift
	done
	[ $# -eq 0 ] || shift
	table=$RESULTS/table
	: >"$table"
	rm -f "$RESULTS"/*.notrun "$RESULTS"/*.sum
	for suite in $suites; do
		echo "=== $suite"
		start=$(date +%s)
		{
			${MAKE:-make} --no-print-directory "$@" "$suite" 2>&1
			echo $? >"$RESULTS/status"
		} | tee "$RESULTS/$suite.make" | grep -vE '^  (CC|LINK)  '
		status=$(cat "$RESULTS/status")
		seconds=$(($(date +%s) - start))
		if [ -f "$RESULTS/$suite.sum" ]; then
			read -r p f n <"$RESULTS/$suite.sum"
			note=
		else
			p=0 f=1 n=0 note='  (did not build or did not end)'
		fi
		if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
			f=1 note='  (make failed)'
		fi
		add "$p" "$f" "$n"
		printf '%-10s %7d %7d %8d %6d s%s\n' "$suite" "$p" "$f" "$n" \
		    "$seconds" "$note" >>"$table"
		if [ "$f" -ne 0 ] && [ "${CI:-}" = true ]; then
			echo "=== full log of $suite"
			cat "$RESULTS/$suite.make"
			[ ! -f "$RESULTS/$suite.log" ] || cat "$RESULTS/$suite.log"
			echo "=== end of the log of $suite"
		fi
	done
	echo
	printf '%-10s %7s %7s %8s %8s\n' suite passed failed 'not run' time
	cat "$table"
	if [ "$notrun" -gt 0 ]; then
		echo
		echo "NOT RUN, so not known to work:"
		for suite in $suites; do
			[ ! -f "$RESULTS/$suite.notrun" ] ||
			    sed "s,^,  $suite: ," "$RESULTS/$suite.notrun"
		done
	fi
	echo
	line="$passed passed, $failed failed"
	[ "$notrun" -eq 0 ] || line="$line, $notrun skipped"
	echo "$line"
	[ "$failed" -eq 0 ]
	exit
}

suite=${1:?usage: run.sh SUITE [ARGUMENT...]}
shift
[ "$suite" != all ] || suite_all "$@"

log=$RESULTS/$suite.log
out=$RESULTS/$suite.out
: >"$log"
rm -f "$RESULTS/$suite.notrun" "$RESULTS/$suite.sum"
runner=$(valgrind_command)
if [ -n "$runner" ] && ! command -v valgrind >/dev/null; then
	echo "VALGRIND is set, but there is no valgrind" >&2
	exit 1
fi

case $suite in
unit) suite_unit "$@" ;;
scripts) suite_scripts "$@" ;;
interop | faults) suite_directory ;;
lint)
	for script in tests/lint.sh tests/lint-selftest.sh; do
		echo "--- $script"
		sh "$script" >"$out" 2>&1 </dev/null
		verdict "${script##*/}" $? "$out"
	done
	;;
fuzz) suite_fuzz "$@" ;;
sanitized)
	# unit and scripts once more: another compiler, no warning, ASan, UBSan
	cc=cc
	! command -v clang >/dev/null || cc=clang
	variant "unit and scripts with $cc and sanitizers" \
	    "build/san-address-undefined-$cc" CC=$cc SAN=address,undefined
	;;
compat)
	# what one of the systems lacks, lacking here
	SCRIPTS=$(echo tests/scripts/*-[aeiou]*.smtp)
	export SCRIPTS
	cc=$(printf %s "${CC##*/}" | tr ' ' _)
	variant "unit and some scripts without what a system may lack" \
	    "build/compat-$cc" CC="$CC" COMPAT_FORCE=1
	;;
*)
	echo "run.sh: no suite $suite" >&2
	exit 64
	;;
esac
rm -f "$out"
finish "$suite"
