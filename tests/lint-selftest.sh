#!/bin/sh
# lint-selftest.sh: a wall that nobody has seen fall is no wall.  Makes a small
# clean tree, on which every rule of lint.sh must pass, then plants one
# violation per case and expects its rule to fail, naming file and line.

set -u
root=$(cd "$(dirname "$0")/.." && pwd)
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
passed=0 failed=0 notrun=0
CC=${CC:-cc}
unset LINT_OBJ LINT_CC LINT_TEST_CC POSTERND BUILD

result() {
	case $1 in
	"ok") passed=$((passed + 1)) ;;
	"not run") notrun=$((notrun + 1)) ;;
	*) failed=$((failed + 1)) ;;
	esac
	echo "$*"
}

# compile SOURCE...: as the build does, where lint looks for it
compile() {
	for c; do
		mkdir -p "build/obj-cc/${c%/*}"
		$CC -std=c11 -fPIE -iquote . -iquote gateway -c "$c" \
		    -o "build/obj-cc/${c%.c}.o" || exit 1
	done
}

# header NAME: writes gateway/NAME.h around what stands on stdin
header() {
	{
		printf '#ifndef %s_H\n#define %s_H\n\n/* %s. */\n\n' "$1" "$1" "$1"
		cat
		printf '\n#endif\n'
	} >"gateway/$1.h"
}

clean_tree() {
	mkdir -p gateway filters backends tests/lint tests/unit man build etc
	cp "$root"/tests/lint.sh "$root"/tests/lint-options.sh \
	    "$root"/tests/lint-log.sh "$root"/tests/floors.txt tests/
	cp -R "$root"/tests/lint/* tests/lint/
	cp "$root"/.clang-format .
	header log <<-END
	void log_line(const char *text);
	END
	header chain <<-END
	void chain_run(void);
	END
	header filter <<-END
	struct filter {
		const char *name;
	};

	extern const struct filter *const filters[];
	END
	header backend <<-END
	struct backend {
		const char *name;
	};

	extern const struct backend *const backends[];
	END
	cat >gateway/log.c <<-END
	/* log.c */
	#include <stdio.h>

	#include "log.h"

	void
	log_line(const char *text)
	{
		puts(text);
	}
	END
	cat >gateway/chain.c <<-END
	/* chain.c */
	#include "chain.h"
	#include "backend.h"
	#include "filter.h"
	#include "log.h"

	void
	chain_run(void)
	{
		log_line(filters[0]->name);
		log_line(backends[0]->name);
	}
	END
	cat >gateway/main.c <<-END
	/* main.c */
	#include "chain.h"

	int
	main(void)
	{
		chain_run();
		return 0;
	}
	END
	for kind in filter backend; do
		cat >"${kind}s/one.c" <<-END
		/* one.c */
		#include "$kind.h"

		extern const struct $kind ${kind}_one;
		const struct $kind ${kind}_one = { .name = "one" };
		END
		cat >"${kind}s/${kind}s.c" <<-END
		/* the table */
		#include "$kind.h"

		extern const struct $kind ${kind}_one;
		const struct $kind *const ${kind}s[] = { &${kind}_one, 0 };
		END
	done
	cat >man/postern.conf.5 <<-END
	.Dd January 1, 2026
	.Dt POSTERN.CONF 5
	.Os
	.Sh NAME
	.Nm postern.conf
	.Nd configuration
	.Sh DESCRIPTION
	A file.
	.Sh GLOBAL OPTIONS
	.Bl -tag -width Ds
	.It Ic hostname
	Our name.
	.El
	.Sh SECTIONS
	.Ss backend pool
	.Bl -tag -width Ds
	.It Ic max
	Connections.
	.El
	END
	cat >man/postern-log.5 <<-END
	.Dd January 1, 2026
	.Dt POSTERN-LOG 5
	.Os
	.Sh NAME
	.Nm postern-log
	.Nd the log
	.Sh DESCRIPTION
	.Ss Every line
	.Bl -tag -width Ds
	.It Li one
	.Li yes .
	.El
	END
	cat >etc/log.schema.json <<-'END'
	{ "$defs": { "line": {
		"title": "Every line",
		"properties": { "one": { "enum": ["yes"] } } } } }
	END
	cat >build/posternd <<-'END'
	#!/bin/sh
	printf 'hostname\tstring\t\tour name\n'
	printf 'backend.pool.max\tnumber\t32\tconnections\n'
	END
	chmod +x build/posternd
	# (<<- has eaten the tabs)
	if command -v clang-format >/dev/null; then
		clang-format -i gateway/*.[ch] filters/*.c backends/*.c
	fi
	compile gateway/*.c filters/*.c backends/*.c
}

# plant RULE EXPECTED COMMANDS: run COMMANDS, expect RULE to say EXPECTED
plant() {
	rm -rf "$tmp/case"
	cp -R "$tmp/clean" "$tmp/case"
	cd "$tmp/case" || exit 1
	eval "$3" || exit 1
	sh tests/lint.sh "$1" >"$tmp/out" 2>&1
	status=$?
	if grep -q '^not run' "$tmp/out"; then
		result "not run" "$1: $(grep -m1 '^not run' "$tmp/out")"
	elif ! grep -q -e "$2" "$tmp/out"; then
		result "not ok" "$1: did not say: $2"
		sed 's/^/	/' "$tmp/out"
	elif ! grep -q '^warning: .*'"$2" "$tmp/out" &&
	    { [ $status -eq 0 ] || ! grep -qx "not ok $1" "$tmp/out"; }; then
		result "not ok" "$1: said it, but did not fail: $2"
	else
		result "ok" "$1: $2"
	fi
}

# long N: a function of N lines
long() {
	printf '\nvoid\nlong_one(void)\n{\n'
	awk -v n="$1" 'BEGIN { for (i = 2; i < n; i++) print "\tlong_one();" }'
	printf '}\n'
}

mkdir "$tmp/clean"
cd "$tmp/clean" || exit 1
clean_tree
if sh tests/lint.sh >"$tmp/out" 2>&1 && ! grep -q '^not ok' "$tmp/out"; then
	result "ok" "the clean tree passes"
else
	result "not ok" "the clean tree does not pass"
	cat "$tmp/out"
fi

log=gateway/log.c
plant floors "$log:3: floor 0 includes floor 4: chain.h" \
    "awk '{ print } NR == 2 { print \"#include \\\"chain.h\\\"\" }' $log >x
     cp x $log"
plant floors "gateway/log.h:.*floor 0 includes" \
    "echo '#include \"gateway/filter.h\"' >>gateway/log.h"
plant floors "gateway/chain.c:.*gateway never includes from filters" \
    "echo '#include \"filters/x.h\"' >>gateway/chain.c"
plant floors "filters/one.c:.*a filter includes filter.h only" \
    "echo '#include \"log.h\"' >>filters/one.c"
plant floors "backends/one.c:.*a backend uses floors 0-3" \
    "echo '#include \"../gateway/chain.h\"' >>backends/one.c"
plant floors "gateway/new.c:1: module is not in" "echo >gateway/new.c"
plant floors "$log:.*libevent is not for this file" \
    "echo '#include <event2/event.h>' >>$log"
plant floors "$log:.*only conf.c knows" "echo '#include <confuse.h>' >>$log"
plant floors "$log:.*Linux only" "echo '#include <sys/epoll.h>' >>$log"
plant cycles "in a circle" \
    "echo '#include \"chain.h\"' >>gateway/log.h
     echo '#include \"log.h\"' >>gateway/chain.h"
plant guard "gateway/log.h:1: header has no guard" \
    "grep -v LOG_H gateway/log.h | sed 's/log_H//' >x
     grep -v -e ifndef -e define -e endif x >gateway/log.h"
plant guard "gateway/log.h:1: header has no opening comment" \
    "grep -v '^/\\*' gateway/log.h >x; cp x gateway/log.h"
plant standalone "gateway/log.h:1: does not compile alone" \
    "echo 'void log_size(size_t n);' >>gateway/log.h"
plant systems "$log:1: asks for a system" \
    "printf '#ifdef __linux__\n#endif\n' >>$log"
plant systems "gateway/compat.c:1: not for OpenBSD" \
    "printf '#ifdef __OpenBSD__\nint a(void) { return b; }\n#endif\n' \
	>gateway/compat.c"
plant libressl "$log:1: not for LibreSSL" \
    "printf '#include <openssl/evp.h>\nEVP_MAC *mac;\n' >>$log"
plant libressl "$log:1: not for LibreSSL" \
    "printf '#include <openssl/err.h>\nint is(int);\nint is(int n)\n{\n\treturn ERR_SYSTEM_ERROR(n);\n}\n' >>$log"
for f in strcpy strcat sprintf vsprintf atoi atol strtok gets alloca strncpy \
    system popen signal gethostbyname bufferevent_new; do
	plant banned "$log:11: banned function $f()" "echo '	$f(text);' >>$log"
done
plant banned "$log:11: #if 0" "printf '#if 0\n#endif\n' >>$log"
for f in TODO FIXME XXX; do
	plant banned "$log:11: TODO, FIXME and XXX" "echo '/* $f: more */' >>$log"
done
plant blanks "$log:11: trailing blanks" "echo 'int x; ' >>$log"
plant length "$log:.* has 101 lines, limit 100" "long 101 >>$log"
plant length "long_one() has 61 lines" "long 61 >>$log"
plant length "$log:801: file has 801 lines" "yes '' | head -791 >>$log"
plant length "$log:501: file has 501 lines" "yes '' | head -491 >>$log"
plant tables "filters/one.c:1: exports" \
    "echo 'int more;' >>filters/one.c; compile filters/one.c"
plant tables "filters/two.c:1: filter_two is not in" \
    "sed s/one/two/g filters/one.c >filters/two.c; compile filters/two.c"
plant tables "backends/two.c:1: backend_two is not in" \
    "sed s/one/two/g backends/one.c >backends/two.c; compile backends/two.c"
plant tables "backends/two.c:1: does not export backend_two" \
    "sed s/one/three/g backends/one.c >backends/two.c; compile backends/two.c"
plant globals "gateway: 10 writable objects, budget 9" \
    "for i in 1 2 3 4 5 6 7 8 9 10; do echo \"int global_\$i;\"; done >>$log
     compile $log"
plant unused "nobody else uses log_more" \
    "printf 'void log_more(void)\n{\n}\n' >>$log; compile $log"
plant format "$log:11: not formatted" "echo 'int  a ;' >>$log"
plant options "option user is not described" \
    "printf 'printf \"user\\\\tstring\\\\t\\\\t\\\\n\"\n' >>build/posternd"
plant options "option backend.pool.idle is not described" \
    "printf 'printf \"backend.pool.idle\\\\tnumber\\\\t4\\\\t\\\\n\"\n' >>build/posternd"
plant options "postern.conf.5:11: hostname is described" \
    "grep -v hostname build/posternd >x; cat x >build/posternd"
plant options "postern.conf.5:17: backend.pool.max is described" \
    "grep -v pool.max build/posternd >x; cat x >build/posternd"
plant log "$log:11: field lost is not in etc/log.schema.json" \
    "echo '/* record_num(&r, \"lost\", 1) */' >>$log"
plant log "log.schema.json:1: nothing writes field two" \
    "sed 's/\"one\":/\"two\": {}, &/' etc/log.schema.json >x
     cp x etc/log.schema.json"
plant log "postern-log.5:1: field one of \"Every line\" is not described" \
    "grep -v 'It Li one' man/postern-log.5 >x; cp x man/postern-log.5"
plant log "postern-log.5:10: lost is described" \
    "sed 's/It Li one/& , lost/' man/postern-log.5 >x; cp x man/postern-log.5"
plant log "postern-log.5:1: value yes of field one is not described" \
    "grep -v 'Li yes' man/postern-log.5 >x; cp x man/postern-log.5"
plant shell "tests/bad.sh:2:" "printf '#!/bin/sh\nx=1\n' >tests/bad.sh"
plant manual "man/postern.conf.5:" "echo '.It Ic lost' >>man/postern.conf.5"

line="$passed passed, $failed failed"
[ $notrun -eq 0 ] || line="$line, $notrun not run"
echo "$line"
[ $failed -eq 0 ]
