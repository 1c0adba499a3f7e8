# Turns the JSON lines of `bench-policy measure` into tables of Markdown.

def thousands:
  tostring | if length > 3 then (.[:-3] | thousands) + "," + .[-3:] else . end;

# Three figures are more than a machine repeats.
def figures:
  if . == 0 then 0 else . as $number | pow(10; (log10 | floor) - 2) as $unit | ($number / $unit | round) * $unit end
  | if . >= 100 then round else . * 1000 | round / 1000 end;

def shown:
  figures | if . >= 1000 then thousands else tostring end;

# better: "more" if a larger number is better.
def beside($ours; $better):
  shown + if $better == "more" then " (\($ours / . | shown)×)" else " (\(. / $ours | shown)×)" end;

def row($lines; $title; $better; value):
  ($lines[0] | value) as $ours
  | [$title, ($ours | shown)] + ($lines[1:] | map(value | beside($ours; $better)))
  | "| " + join(" | ") + " |";

def table:
  . as $lines
  | $lines[0] as $own
  | "**\($own.rules) rules, \(if $own.conditional == 0 then "no conditions" else "\($own.conditional) with a condition" end)**",
    "",
    "| | secretctl | Cedar | regorus VM, rules | regorus VM, data | regorus interpreter, rules | regorus interpreter, data |",
    "|---|--:|--:|--:|--:|--:|--:|",
    row($lines; "decisions per second, one thread"; "more"; .one_thread_per_s.median),
    row($lines; "decisions per second, \($own.threads) threads"; "more"; .all_threads_per_s.median),
    row($lines; "load, ms"; "less"; .load_ms),
    row($lines; "one explanation, µs"; "less"; .explain_us),
    row($lines; "memory, MiB"; "less"; .memory_kib / 1024),
    "",
    "Allowed: \($own.allowed | thousands) of \($own.compared | thousands). A condition was asked in \($own.conditions_asked | thousands)."
    + " Answers compared with each peer: \($lines[1:] | map(.compared) | min | thousands); all were the same."
    + " The matrix of \($own.grants | thousands) grants: \($own.matrix_ms | shown) ms.",
    "";

group_by([.rules, .conditional]) | map([table] | join("\n")) | join("\n")
