#!/bin/sh
# Checks this case with sha256sum alone: every entry of the custody log names the SHA-256 of the entry before it, HEAD
# that of the last, and entries those of case.json and of every exhibit's manifest. With --all also the other files of
# every exhibit. Exit: 0 intact, 1 differs, 4 cannot be checked.
LC_ALL=C && export LC_ALL && cd "$(dirname "$0")" && sha256sum </dev/null >/dev/null || exit 4
result=0 number=0 head=none behind=
previous=0000000000000000000000000000000000000000000000000000000000000000
# Names of files may hold what steers a terminal.
differs() { printf 'differs: %s\n' "$*" | tr -c '[:print:]\n' '?'; result=1; }
# A pipe would be waited for, and a link leads elsewhere.
odd=$(find case.json verify.sh custody exhibits ! -type f ! -type d -o -name '.*' ! -name '.*.kanshiki-tmp')
[ -z "$odd" ] || { differs "hidden, or neither a file nor a folder: $odd"; exit 1; }
while entry=custody/$(printf %08d "$number").json; [ -s "$entry" ]; do
    case $(cat "$entry") in
        "{\"schema\":1,\"kind\":\"kanshiki custody entry\",\"sequence\":$number,\"previous\":\"$previous\","*"}") ;;
        '{"schema":'[2-9]* | '{"schema":1'[0-9]*) echo "$entry was made by a newer kanshiki"; exit 4 ;;
        *) differs "$entry does not follow from the entry before it, or is cut" ;;
    esac
    behind=$head number=$((number + 1)) previous=$(sha256sum <"$entry" | cut -d ' ' -f 1)
    head="{\"schema\":1,\"kind\":\"kanshiki custody head\",\"entries\":$number,\"sha256\":\"$previous\"}"
done
found=$(cat custody/HEAD 2>/dev/null || echo none)
if [ "$found" = "$head" ]; then echo "HEAD and $number entries agree"
elif [ "$number" -gt 0 ] && [ "$found" = "$behind" ]; then
    echo "HEAD is one entry behind $number entries: a run was cut off; the next entry mends it"
else differs "HEAD does not name entry $number as the last"; fi
# The digests that entries name, as sha256sum takes them; of an exhibit that was acquired again the last. Within a text
# a quotation mark is written \" so that no text looks like the fields. Only lines of this form reach sha256sum.
named=$(cat custody/????????.json 2>/dev/null | awk '
    /"sequence":0,|"act":"acquired"/ && sub(/.*,"subjects":[[][{]"name":"/, "") && sub(/"[}][]],"tool":".*/, "") {
        for (i = split($0, subject, /"[}],[{]"name":"/); i > 0; i--) if (subject[i] ~ \
            /^(case\.json|verify\.sh|exhibits\/[A-Za-z0-9_][A-Za-z0-9._-]*\/[a-z][a-zA-Z0-9._-]*)","sha256":"[0-9a-f]*$/ \
            && split(subject[i], part, "\"") && length(part[5]) == 64) last[part[1]] = part[5]
    }
    END { for (name in last) print last[name] "  " name }')
own=$(echo "$named" | grep -E ' (case\.json|verify\.sh|.*/manifest\.json)$')
[ -z "$own" ] || echo "$own" | sha256sum -c || differs "what FAILED above is missing, or not what the entries name"
for file in custody/* exhibits/*; do
    case $file in
        custody/HEAD | custody/\* | exhibits/\* | exhibits/*.partial) ;;
        custody/lock) [ ! -s "$file" ] || differs "$file is not empty" ;;
        custody/????????.json)
            [ "$file" \< "$entry" ] || [ "$file$(cat "$file" 2>/dev/null)" = "$entry" ] ||
                differs "$entry is missing before $file" ;;
        custody/*) differs "$file does not belong to the log" ;;
        *[!A-Za-z0-9._/-]*) differs "$file is no exhibit" ;;
        *)
            [ "$number" -gt 0 ] || differs "$file is there without an entry in the log"
            [ "$1" = --all ] || continue
            list=$(tr '\000' '?' <"$file/SHA256SUMS" |
                sed -n "s|^\([0-9a-f]\{64\}  \)\([A-Za-z0-9._-]*\)$|\1$file/\2|p")
            [ "$(echo "$list" | sed 's|.*/||' | sort)" = "$(ls "$file" | grep -vxe SHA256SUMS -e lock | sort)" ] &&
                [ "$(echo "$list" | wc -l)" -eq "$(wc -l <"$file/SHA256SUMS")" ] ||
                differs "$file/SHA256SUMS does not name each file of the folder once, and nothing else"
            printf '%s\n' "$list" "$named" | grep " $file/" | sort -u | sha256sum -c || differs "$file" ;;
    esac
done
exit "$result"
