# text.awk: what can be seen in the text of a C file.  RULE is one of
# banned, length, guard, blanks.  Relies on the formatting: a function's braces
# stand in column 1.

function say(line, text) {
	print FILENAME ":" line ": " text
}

# code LINE: without strings, characters and comments
function code(s, t) {
	if (in_comment) {
		if (!match(s, /\*\//))
			return ""
		s = substr(s, RSTART + 2)
		in_comment = 0
	}
	gsub(/"([^"\\]|\\.)*"/, "\"\"", s)
	gsub(/'([^'\\]|\\.)*'/, "0", s)
	sub(/\/\/.*/, "", s)
	while (match(s, /\/\*/)) {
		t = substr(s, RSTART + 2)
		s = substr(s, 1, RSTART - 1)
		if (!match(t, /\*\//)) {
			in_comment = 1
			return s
		}
		s = s " " substr(t, RSTART + 2)
	}
	return s
}

function end_of_file() {
	if (RULE == "length" && lines > 800)
		print last ":" lines ": file has " lines " lines, limit 800"
	else if (RULE == "length" && lines > 500)
		print "warning: " last ":" lines ": file has " lines " lines"
	if (RULE == "guard" && last ~ /\.h$/ && guard < 2)
		print last ":1: header has no guard"
	if (RULE == "guard" && last ~ /\.h$/ && opening != 1)
		print last ":1: header has no opening comment"
}

FNR == 1 {
	if (last != "")
		end_of_file()
	last = FILENAME
	in_comment = start = guard = opening = 0
	name = guard_name = ""
}

{ lines = FNR }

RULE == "length" && /^[A-Za-z_][A-Za-z0-9_]*\(/ {
	name = $0
	sub(/\(.*/, "", name)
}
RULE == "length" && /^\{/ { start = FNR }
RULE == "length" && /^\}/ && start {
	n = FNR - start + 1
	if (n > 100)
		say(start, name "() has " n " lines, limit 100")
	else if (n > 60)
		print "warning: " FILENAME ":" start ": " name "() has " n " lines"
	start = 0
}

RULE == "blanks" && /[ \t]+$/ { say(FNR, "trailing blanks") }

RULE == "banned" {
	if ($0 ~ /(^|[^A-Za-z0-9_])(TODO|FIXME|XXX)([^A-Za-z0-9_]|$)/)
		say(FNR, "TODO, FIXME and XXX belong into an issue")
	if ($0 ~ /^[ \t]*#[ \t]*if[ \t]+0([^-9a-zA-Z]|$)/)
		say(FNR, "#if 0: delete it, git remembers")
	c = " " code($0)
	if (match(c, "[^A-Za-z0-9_.>](" BANNED ")[ \t]*\\(")) {
		f = substr(c, RSTART + 1, RLENGTH - 1)
		say(FNR, "banned function " f ")")
	}
}

RULE == "guard" && /^#ifndef/ && !guard_name { guard_name = $2; guard = 1 }
RULE == "guard" && /^#define/ && $2 == guard_name { guard = 2; next }
RULE == "guard" && !/^[ \t]*$/ && !/^#ifndef/ && !opening {
	opening = /^\/\*/ ? 1 : 2
}

END { if (last != "") end_of_file() }
