# Text made from values.
lib:
let
  inherit (lib) concatStringsSep isList isString;

  pretty =
    settings@{
      multiline,
      allowPrettyValues,
    }:
    indent: value:
    let
      deeper = pretty settings "${indent}  ";
      open = if multiline then "\n${indent}  " else " ";
      close = if multiline then "\n${indent}" else " ";
      between = start: items: end: "${start}${open}${concatStringsSep open items}${close}${end}";
    in
    if isString value then
      text { inherit multiline open close; } value
    else if value == null then
      "null"
    else if lib.isBool value then
      lib.boolToString value
    else if lib.isFloat value then
      builtins.toJSON value
    else if lib.isInt value || lib.isPath value then
      toString value
    else if isList value then
      if value == [ ] then "[ ]" else between "[" (map deeper value) "]"
    else if lib.isFunction value then
      function value
    else if allowPrettyValues && value ? __pretty && value ? val then
      value.__pretty value.val
    else if value == { } then
      "{ }"
    else if lib.isDerivation value then
      "<derivation ${value.name or "???"}>"
    else
      between "{" (lib.mapAttrsToList (
        name: inner: "${lib.strings.escapeNixIdentifier name} = ${deeper inner};"
      ) value) "}";

  function =
    f:
    let
      args = lib.mapAttrsToList (name: optional: if optional then "${name}?" else name) (lib.functionArgs f);
    in
    if args == [ ] then "<function>" else "<function, args: {${concatStringsSep ", " args}}>";

  text =
    {
      multiline,
      open,
      close,
    }:
    value:
    let
      lines = lib.splitString "\n" value;
      single = map (lib.strings.escape [
        "\\"
        "\""
        "\${"
      ]) lines;
      several = map (builtins.replaceStrings [ "\${" "''" ] [ "''\${" "'''" ]) lines;
      last = lib.last several;
    in
    if !multiline || lib.length lines == 1 then
      "\"${concatStringsSep "\\n" single}\""
    else
      "''${open}${concatStringsSep open (lib.init several)}${if last == "" then close else open + last}''";

  plist =
    indent: value:
    let
      deeper = plist "${indent}\t";
      block = tag: body: "${indent}<${tag}>\n${lib.concatStrings body}${indent}</${tag}>\n";
    in
    if value == null then
      ""
    else if lib.isBool value then
      "${indent}<${lib.boolToString value}/>\n"
    else if lib.isInt value then
      "${indent}<integer>${toString value}</integer>\n"
    else if lib.isFloat value then
      "${indent}<real>${toString value}</real>\n"
    else if isList value then
      block "array" (map deeper value)
    else if isString value || lib.isPath value || lib.isDerivation value then
      "${indent}<string>${lib.escapeXML (toString value)}</string>\n"
    else
      block "dict" (
        lib.mapAttrsToList (
          key: inner: "${indent}\t<key>${lib.escapeXML key}</key>\n${deeper inner}"
        ) (lib.filterAttrs (_: inner: inner != null) value)
      );
in
{
  toPretty =
    {
      multiline ? true,
      allowPrettyValues ? false,
      indent ? "",
    }:
    pretty { inherit multiline allowPrettyValues; } indent;

  toJSON = _: builtins.toJSON;

  toPlist =
    {
      escape ? false,
    }:
    value: ''
      <?xml version="1.0" encoding="UTF-8"?>
      <!DOCTYPE plist PUBLIC "-//Apple Computer//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
      <plist version="1.0">
      ${plist "" value}</plist>'';

  # Cuts what lies too deep, so that a message ends.
  withRecursion =
    {
      depthLimit,
      throwOnDepthLimit ? true,
    }:
    let
      cut =
        depth: value:
        if depthLimit == null || depth <= depthLimit then
          walk depth value
        else if throwOnDepthLimit then
          throw "Exceeded maximum eval-depth limit of ${toString depthLimit} while trying to evaluate with `generators.withRecursion'!"
        else
          "<unevaluated>";
      special = [
        "__functor"
        "__functionArgs"
        "__toString"
        "__pretty"
      ];
      walk =
        depth: value:
        if isList value then
          map (cut (depth + 1)) value
        else if lib.isAttrs value then
          builtins.mapAttrs (
            name: inner: if lib.elem name special then inner else cut (depth + 1) inner
          ) value
        else
          value;
    in
    walk 0;
}
