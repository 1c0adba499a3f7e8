# What a type of options consists of.
lib:
let
  inherit (lib) isAttrs;
in
rec {
  isType = name: value: isAttrs value && value._type or null == name;
  setType = name: value: value // { _type = name; };
  isOptionType = isType "option-type";

  mkOptionType =
    type@{
      name,
      description ? null,
      descriptionClass ? null,
      check ? _: true,
      merge ? lib.options.mergeDefaultOption,
      emptyValue ? { },
      getSubOptions ? _: { },
      getSubModules ? null,
      substSubModules ? _: null,
      functor ? defaultFunctor name,
      typeMerge ? defaultTypeMerge functor,
      deprecationMessage ? null,
      nestedTypes ? { },
    }:
    {
      _type = "option-type";
      inherit
        name
        descriptionClass
        check
        merge
        emptyValue
        getSubOptions
        getSubModules
        substSubModules
        typeMerge
        functor
        deprecationMessage
        nestedTypes
        ;
      description = if description == null then name else description;
    };

  # How the type of a second declaration joins that of the first; null where it can't.
  defaultFunctor = name: {
    inherit name;
    type = lib.types.${name} or null;
    payload = null;
    binOp = _: _: null;
  };
  defaultTypeMerge =
    a: b:
    let
      payload = a.binOp a.payload b.payload;
    in
    if a.name != b.name then
      null
    else if a.payload == null then
      a.type
    else if payload == null then
      null
    else
      a.type payload;

  addCheck = type: check: type // { check = value: type.check value && check value; };

  # A description inside another one, in brackets unless it reads well without.
  optionDescriptionPhrase =
    bare: type:
    if bare (type.descriptionClass or null) then type.description else "(${type.description})";
}
