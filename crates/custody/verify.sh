#!/bin/sh
# Checks this case with sha256sum alone: every entry of the custody log names the SHA-256 of the entry before it, HEAD
# that of the last, and entries those of case.json and of every exhibit's manifest. With --all also the other files of
# every exhibit. Exit: 0 intact, 1 differs, 4 cannot be checked.
cd "$(dirname "$0")" && sha256sum </dev/null >/dev/null || exit 4
result=0 number=0 head=none behind=
previous=0000000000000000000000000000000000000000000000000000000000000000
differs() { echo "differs: $*"; result=1; }
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
# The digests that entries name, as sha256sum writes them; of an exhibit that was acquired again the last.
named=$(cat custody/????????.json 2>/dev/null | grep -E '"sequence":0,|"act":"acquired"' | tr '{' '\n' | awk -F '"' '
    $4 ~ /^(case\.json|verify\.sh|exhibits\/[A-Za-z0-9_][A-Za-z0-9._-]*\/[a-z][a-zA-Z0-9._-]*)$/ { last[$4] = $8 }
    END { for (name in last) print last[name] "  " name }')
own=$(echo "$named" | grep -E ' (case\.json|verify\.sh|.*/manifest\.json)$')
[ -z "$own" ] || echo "$own" | sha256sum -c || differs "what FAILED above is missing, or not what the entries name"
for file in custody/* exhibits/*; do
    case $file in
        custody/HEAD | custody/lock | custody/\* | exhibits/\* | *.partial) ;;
        custody/????????.json)
            [ "$file" \< "$entry" ] || [ "$file$(cat "$file")" = "$entry" ] ||
                differs "$entry is missing before $file" ;;
        custody/*) differs "$file does not belong to the log" ;;
        *)
            [ "$number" -gt 0 ] || differs "$file is there without an entry in the log"
            [ "$1" = --all ] || continue
            grep / "$file/SHA256SUMS" && differs "$file/SHA256SUMS leads out of its folder" && continue
            { sed "s|  |  $file/|" "$file/SHA256SUMS" || echo; echo "$named" | grep " $file/"; } | sort -u |
                sha256sum -c && [ -s "$file/SHA256SUMS" ] || differs "$file" ;;
    esac
done
exit "$result"
