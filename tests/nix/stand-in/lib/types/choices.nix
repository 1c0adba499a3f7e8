# Types that admit one of several things.
lib:
let
  inherit (lib) mkOptionType;
  inherit (import ./shared.nix lib) phrase;
in
rec {
  enum =
    values:
    let
      show =
        x:
        if lib.isString x then
          "\"${x}\""
        else if lib.isInt x then
          toString x
        else if lib.isBool x then
          lib.boolToString x
        else
          "<${builtins.typeOf x}>";
      count = lib.length values;
    in
    mkOptionType {
      name = "enum";
      description =
        if count == 0 then
          "impossible (empty enum)"
        else if count == 1 then
          "value ${show (lib.head values)} (singular enum)"
        else
          "one of ${lib.concatMapStringsSep ", " show values}";
      descriptionClass = if count < 2 then "noun" else "conjunction";
      check = x: lib.elem x values;
      merge = lib.options.mergeEqualOption;
      functor = lib.types.defaultFunctor "enum" // {
        type = payload: enum payload.values;
        payload = { inherit values; };
        binOp = a: b: { values = lib.unique (a.values ++ b.values); };
      };
    };

  # The first of the two that takes every definition.
  either =
    a: b:
    let
      takes = type: lib.all (def: type.check def.value);
      nounOrConjunction = phrase [
        "noun"
        "conjunction"
      ];
    in
    mkOptionType {
      name = "either";
      description =
        if a.descriptionClass or null == "nonRestrictiveClause" then
          "${a.description}, or ${nounOrConjunction b}"
        else
          "${nounOrConjunction a} or ${
            phrase [
              "noun"
              "conjunction"
              "composite"
            ] b
          }";
      descriptionClass = "conjunction";
      check = x: a.check x || b.check x;
      merge =
        loc: defs:
        if takes a defs then
          a.merge loc defs
        else if takes b defs then
          b.merge loc defs
        else
          lib.options.mergeOneOption loc defs;
      typeMerge =
        other:
        let
          first = a.typeMerge (lib.head other.payload.elemType).functor;
          second = b.typeMerge (lib.elemAt other.payload.elemType 1).functor;
        in
        if other.name != "either" || first == null || second == null then null else either first second;
      functor = lib.types.defaultFunctor "either" // {
        payload.elemType = [
          a
          b
        ];
      };
      nestedTypes = {
        left = a;
        right = b;
      };
    };
  oneOf =
    types:
    if types == [ ] then
      throw "types.oneOf needs to get at least one type in its argument"
    else
      lib.foldl' either (lib.head types) (lib.tail types);

  coercedTo =
    from: convert: to:
    assert lib.assertMsg (from.getSubModules == null)
      "coercedTo: coercedType must not have submodules (it’s a ${from.description})";
    mkOptionType {
      name = "coercedTo";
      description = "${phrase [ "noun" ] to} or ${phrase [ "noun" ] from} convertible to it";
      check = x: (from.check x && to.check (convert x)) || to.check x;
      merge =
        loc: defs:
        to.merge loc (
          map (def: if from.check def.value then def // { value = convert def.value; } else def) defs
        );
      inherit (to) emptyValue getSubOptions getSubModules;
      substSubModules = modules: coercedTo from convert (to.substSubModules modules);
      typeMerge = _: null;
      functor = lib.types.defaultFunctor "coercedTo";
      nestedTypes = {
        coercedType = from;
        finalType = to;
      };
    };
}
