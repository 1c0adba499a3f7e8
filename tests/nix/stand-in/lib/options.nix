# Declarations of options, how definitions without a better rule are merged, and how options are named in messages.
lib:
let
  inherit (lib)
    concatMapStrings
    concatStringsSep
    isString
    length
    optionalAttrs
    ;
  prioritySuggestion = ''
    Use `lib.mkForce value` or `lib.mkDefault value` to change the priority on any of these definitions.
  '';
in
rec {
  mkOption =
    {
      default ? null,
      defaultText ? null,
      example ? null,
      description ? null,
      relatedPackages ? null,
      type ? null,
      apply ? null,
      internal ? null,
      visible ? null,
      readOnly ? null,
    }@option:
    option // { _type = "option"; };
  isOption = lib.isType "option";

  mkEnableOption =
    what:
    mkOption {
      type = lib.types.bool;
      default = false;
      example = true;
      description = "Whether to enable ${what}.";
    };

  mkPackageOption =
    packages: name:
    {
      default ? name,
      example ? null,
      extraDescription ? "",
      nullable ? false,
      pkgsText ? "pkgs",
    }:
    let
      path = lib.toList default;
      text = lib.showAttrPath path;
      shown = if builtins.isList name then lib.last name else name;
      present = {
        default = lib.attrByPath path (throw "${text} cannot be found in ${pkgsText}") packages;
        defaultText = literalExpression "${pkgsText}.${text}";
      };
    in
    mkOption (
      {
        type = if nullable then lib.types.nullOr lib.types.package else lib.types.package;
        description =
          "The ${shown} package to use." + lib.optionalString (extraDescription != "") " ${extraDescription}";
      }
      // (if default != null then present else optionalAttrs nullable { default = null; })
      // optionalAttrs (example != null) {
        example = literalExpression (
          if builtins.isList example then "${pkgsText}.${lib.showAttrPath example}" else example
        );
      }
    );

  literalExpression =
    text:
    lib.throwIfNot (isString text) "literalExpression expects a string." {
      _type = "literalExpression";
      inherit text;
    };
  literalMD =
    text:
    lib.throwIfNot (isString text) "literalMD expects a string." {
      _type = "literalMD";
      inherit text;
    };
  literalCode = language: text: literalMD "```${language}\n${text}\n```\n";

  getValues = map (def: def.value);
  getFiles = map (def: def.file);

  mergeOneOption = mergeUniqueOption { message = ""; };
  mergeUniqueOption =
    {
      message,
      merge ? _: defs: (lib.head defs).value,
    }:
    loc: defs:
    if length defs == 1 then
      merge loc defs
    else
      throw "The option `${showOption loc}' is defined multiple times while it's expected to be unique.\n${message}\nDefinition values:${showDefs defs}\n${prioritySuggestion}";

  mergeEqualOption =
    loc: defs:
    let
      first = lib.head defs;
      other = lib.findFirst (def: def.value != first.value) null (lib.tail defs);
    in
    if length defs == 1 || other == null then
      first.value
    else
      throw "The option `${showOption loc}' has conflicting definition values:${
        showDefs [
          first
          other
        ]
      }\n${prioritySuggestion}";

  mergeDefaultOption =
    loc: defs:
    let
      values = getValues defs;
      every = lib.flip lib.all values;
    in
    if length values == 1 then
      lib.head values
    else if every lib.isFunction then
      arg: mergeDefaultOption loc (map (def: def // { value = def.value arg; }) defs)
    else if every builtins.isList then
      builtins.concatLists values
    else if every builtins.isAttrs then
      lib.mergeAttrsList values
    else if every builtins.isBool then
      lib.any lib.id values
    else if every isString then
      lib.concatStrings values
    else if every builtins.isInt && every (value: value == lib.head values) then
      lib.head values
    else
      throw "Cannot merge definitions of `${showOption loc}'. Definition values:${showDefs defs}";

  unknownModule = "<unknown-file>";

  # Placeholders such as `*` and `<name>` stand for any name, and are not quoted.
  showOption =
    loc:
    let
      show = part: if part == "*" || builtins.match "<.*>" part != null then part else lib.strings.escapeNixIdentifier part;
    in
    concatStringsSep "." (map show loc);
  showFiles = files: concatStringsSep " and " (map (file: "`${file}'") files);
  showDefs = concatMapStrings (
    def:
    let
      sketch = lib.generators.toPretty { } (
        lib.generators.withRecursion {
          depthLimit = 10;
          throwOnDepthLimit = false;
        } def.value
      );
      shown = builtins.tryEval sketch;
      lines = lib.splitString "\n" shown.value;
      start = lib.take 5 lines ++ lib.optional (length lines > 5) "...";
    in
    "\n- In `${def.file}'"
    + lib.optionalString shown.success (
      if length lines == 1 then ": ${shown.value}" else ":\n    ${concatStringsSep "\n    " start}"
    )
  );
}
