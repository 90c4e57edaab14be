# shellcheck shell=sh
# symbols.sh: what the objects say.  Sourced by lint.sh; LINT_OBJ is the object
# directory.  nm -P is POSIX: "name type value size".
# shellcheck disable=SC2154 # tmp and gateway_c are lint.sh's

# object_of SOURCE
object_of() {
	echo "$LINT_OBJ/${1%.c}.o"
}

# need_objects SOURCE...: objects there, or say that the rule was not run
need_objects() {
	for source; do
		if [ ! -f "$(object_of "$source")" ]; then
			echo "not run: no object of $source"
			return 1
		fi
	done
}

defined() {
	nm -P -g "$1" | awk '$2 ~ /^[A-TV-Z]$/ && $1 !~ /asan/ { print $1 }'
}

# One exported symbol per filter, named after the file, and in the table.
rule_tables() {
	for source in filters/*.c backends/*.c; do
		[ -f "$source" ] || continue
		folder=${source%%/*}
		name=${source##*/} name=${name%.c}
		[ "$name" != "$folder" ] || continue
		need_objects "$source" || continue
		symbols=$(defined "$(object_of "$source")")
		want=${folder%s}_$name
		case $folder in
		filters)
			# What several filters share may have a file of its own,
			# which exports no filter.
			echo "$symbols" | grep -q '^filter_' ||
			    [ -f "filters/$name.h" ] || symbols=none
			echo "$symbols" | grep -q '^filter_\|^none' || continue
			[ "$symbols" = "$want" ] || echo "$source:1: exports" \
			    "$(echo "$symbols" | tr '\n' ' ')not just $want"
			;;
		backends)
			# A backend may have helpers of several files; a file
			# that exports a backend exports the one of its name.
			echo "$symbols" | grep -qx "$want" ||
			    ! echo "$symbols" | grep -q '^backend_' ||
			    echo "$source:1: does not export $want"
			echo "$symbols" | grep -qx "$want" || continue
			;;
		esac
		grep -q "&$want\\>" "$folder/$folder.c" 2>/dev/null ||
		    echo "$source:1: $want is not in $folder/$folder.c"
	done
}

# Writable objects with file scope or static: each is a second lifetime that
# tests and reload must know about.  .data.rel.ro is constant after linking.
rule_globals() {
	if ! command -v objdump >/dev/null; then
		echo "not run: no objdump"
		return
	fi
	# shellcheck disable=SC2086 # a list of files
	need_objects $gateway_c || return
	for source in $gateway_c; do
		objdump -t "$(object_of "$source")" |
		    awk -v s="$source" '$0 ~ / O / {
			for (i = 1; i <= NF; i++)
				if ($i == "O") section = $(i + 1)
			if (section ~ /^\.(t?data|t?bss)/ &&
			    section !~ /^\.data\.rel\.ro/ && $NF !~ /asan/)
				print s ":1: writable object " $NF
		    }
		    / \*COM\*/ { print s ":1: writable object " $NF }'
	done >"$tmp/globals"
	n=$(wc -l <"$tmp/globals")
	sed 's/^/warning: /' "$tmp/globals"
	[ "$n" -le "$LINT_GLOBALS" ] ||
	    echo "gateway: $n writable objects, budget $LINT_GLOBALS"
}

# Exported, but nobody else asks for it: static, or superfluous.
rule_unused() {
	sources=$(ls gateway/*.c filters/*.c backends/*.c 2>/dev/null)
	# shellcheck disable=SC2086 # a list of files
	need_objects $sources || return
	for source in $sources tests/*/*.c; do
		object=$(object_of "$source")
		[ ! -f "$object" ] || nm -P -g "$object" |
		    awk -v s="$source" '{ print s, $1, $2 }'
	done | awk '
	$3 == "U" { used[$2] = 1; next }
	$1 !~ /^tests/ && $2 != "main" && $2 !~ /asan/ { from[$2] = $1 }
	END { for (s in from) if (!(s in used))
		print "warning: " from[s] ":1: nobody else uses " s }' | sort
}
