# Types that look at a value no further than at its kind.
lib:
let
  inherit (lib) mkOptionType isAttrs;
  inherit (lib.options) mergeEqualOption mergeOneOption;
  inherit (lib.strings) isStringLike;
in
rec {
  raw = mkOptionType {
    name = "raw";
    description = "raw value";
    descriptionClass = "noun";
    merge = mergeOneOption;
  };
  unspecified = mkOptionType {
    name = "unspecified";
    description = "unspecified value";
    descriptionClass = "noun";
  };
  bool = mkOptionType {
    name = "bool";
    description = "boolean";
    descriptionClass = "noun";
    check = lib.isBool;
    merge = mergeEqualOption;
  };
  boolByOr = mkOptionType {
    name = "boolByOr";
    description = "boolean (merged using or)";
    descriptionClass = "noun";
    check = lib.isBool;
    merge = _: lib.any (def: def.value);
  };

  anything = mkOptionType {
    name = "anything";
    description = "anything";
    descriptionClass = "noun";
    merge =
      loc: defs:
      let
        kind = value: if isAttrs value && isStringLike value then "text" else builtins.typeOf value;
        first = kind (lib.head defs).value;
        merges = {
          set = (lib.types.attrsOf anything).merge;
          text = mergeOneOption;
          lambda =
            loc: defs: arg:
            anything.merge (loc ++ [ "<function body>" ]) (
              map (def: def // { value = def.value arg; }) defs
            );
        };
      in
      if lib.any (def: kind def.value != first) defs then
        throw "The option `${lib.showOption loc}' has conflicting option types in ${lib.showFiles (lib.options.getFiles defs)}"
      else
        (merges.${first} or mergeEqualOption) loc defs;
  };

  attrs = mkOptionType {
    name = "attrs";
    description = "attribute set";
    check = isAttrs;
    merge = _: defs: lib.mergeAttrsList (lib.options.getValues defs);
    emptyValue.value = { };
  };

  optionType = mkOptionType {
    name = "optionType";
    description = "optionType";
    descriptionClass = "noun";
    check = lib.isOptionType;
    merge =
      loc: defs:
      let
        declare = def: {
          inherit (def) file;
          value = lib.mkOption { type = def.value; };
        };
      in
      if lib.length defs == 1 then
        (lib.head defs).value
      else
        (lib.modules.fixupOptionType loc (lib.modules.mergeOptionDecls loc (map declare defs))).type;
  };
}
