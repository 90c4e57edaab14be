# includes.awk: who may include what.  First argument tests/floors.txt, then
# the sources.  Prints "file:line: why" for every include that is not allowed.

function base(path) {
	sub(/.*\//, "", path)
	return path
}

# priv_linux stands on the floor of priv
function floor_of(name) {
	sub(/\.[ch]$/, "", name)
	while (!(name in floor) && sub(/_[^_]*$/, "", name))
		;
	return (name in floor) ? floor[name] : -1
}

FILENAME ~ /floors\.txt$/ {
	if ($1 ~ /^[0-9]+$/)
		for (i = 2; i <= NF; i++)
			floor[$i] = $1
	next
}

FNR == 1 {
	folder = FILENAME
	sub(/\/.*/, "", folder)
	me = base(FILENAME)
	mine = floor_of(me)
	if (folder == "gateway" && mine < 0)
		print FILENAME ":1: module is not in tests/floors.txt"
}

/^[ \t]*#[ \t]*include[ \t]*</ {
	h = $0
	sub(/.*</, "", h)
	sub(/>.*/, "", h)
	where = FILENAME ":" FNR ": "
	if (folder !~ /^(gateway|filters|backends)$/)
		next
	if (h ~ /^event2?[\/.]/ && !(folder == "gateway" && me ~ EVENT))
		print where "libevent is not for this file: " h
	if (h == "confuse.h" && !(folder == "gateway" && me ~ /^conf(_.*)?\.c$/))
		print where "only conf.c knows libconfuse"
	if (h ~ /^ldns\// && me != "dns_wire.c")
		print where "only dns_wire.c knows ldns"
	if (h ~ LINUX && me !~ /^(priv(_.*)?\.c|compat\.[ch])$/)
		print where "Linux only, belongs into priv_*.c or compat: " h
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
	h = $0
	sub(/^[^"]*"/, "", h)
	sub(/".*/, "", h)
	where = FILENAME ":" FNR ": "
	name = base(h)
	from = "gateway"
	if (h ~ /(^|\/)(filters|backends|tests|bench)\//) {
		from = h
		sub(/\/[^\/]*$/, "", from)
		sub(/.*\//, "", from)
	} else if (floor_of(name) < 0)
		from = folder
	if (folder == "gateway") {
		if (from == "filters" || from == "backends")
			print where "gateway never includes from " from
		else if (floor_of(name) > mine && mine >= 0)
			print where "floor " mine " includes floor " \
			    floor_of(name) ": " h
	} else if (folder == "filters") {
		if (name != "filter.h" && me != "filters.c" && from == "gateway")
			print where "a filter includes filter.h only: " h
		if (from == "backends")
			print where "filters never include from backends"
	} else if (folder == "backends") {
		if (from == "gateway" && floor_of(name) > 3)
			print where "a backend uses floors 0-3: " h
		if (from == "filters")
			print where "backends never include from filters"
	}
}
