# The options of one side, as people write them. $side is "secretctl" or "sops"; $file is the document of sops-nix for a secret,
# with NAME for its name, or "".
def owned: "owner = \"\(.owner)\"; group = \"\(.group)\"; mode = \"\(.mode)\";";
def document: (.name | ltrimstr("bench/")) as $name | if $file == "" then "" else " sopsFile = \($file | sub("NAME"; $name));" end;
def text: [.secrets | to_entries[] | "KEY_\(.key)=${config.\($side).placeholder.\"\(.value)\"}\\n"] | add;
def format: if $side == "secretctl" then " format = \"dotenv\";" else "" end;

"{ config, ... }:",
"{",
(.secrets[] | . as $secret | "  \($side).secrets.\"\(.name)\" = { \(owned)\($secret | document) };"),
(.templates[] | "  \($side).templates.\"\(.name)\" = { content = \"MODE=production\\n\(text)\"; \(owned)\(format) };"),
"}"
