# The options of one module as a page of Markdown.
{
  lib,
  pkgs,
  # Such as ./modules/nixos.
  module,
  title,
}:

let
  evaluated = lib.evalModules {
    modules = [
      module
      {
        # Options of the platform itself are not declared here, and nothing of it is looked at.
        _module.check = false;
        _module.args.pkgs = pkgs;
      }
    ];
  };

  listed = lib.optionAttrSetToDocList { inherit (evaluated.options) secretctl; };
  shown = lib.filter (option: (option.visible or true) && !(option.internal or false)) listed;

  text = value: if builtins.isAttrs value then value.text or "" else toString value;

  # One line of code, or a block where there are more.
  code =
    label: value:
    let
      lines = lib.removeSuffix "\n" (text value);
      markdown = builtins.isAttrs value && value._type or "" == "literalMD";
    in
    if markdown then
      [ "- ${label}: ${lines}" ]
    else if lib.hasInfix "\n" lines then
      [
        "- ${label}:"
        ""
        "  ```nix"
      ]
      ++ map (line: "  ${line}") (lib.splitString "\n" lines)
      ++ [ "  ```" ]
    else
      [ "- ${label}: `${lines}`" ];

  paragraph = value: lib.replaceStrings [ "\n" ] [ " " ] (lib.removeSuffix "\n" (text value));

  entry =
    option:
    [
      "### `${option.name}`"
      ""
      (paragraph (option.description or ""))
      ""
      "- Type: ${option.type or "any"}"
    ]
    ++ lib.optional (option.readOnly or false) "- Read only"
    ++ lib.optionals (option ? default) (code "Default" option.default)
    ++ lib.optionals (option ? example) (code "Example" option.example)
    ++ [ "" ];

  sorted = lib.sort (a: b: a.name < b.name) shown;
in
lib.concatStringsSep "\n" (
  [
    "# ${title}"
    ""
    "Made from the module by `scripts/docs`; a test keeps it current."
    ""
  ]
  ++ lib.concatMap entry sorted
)
