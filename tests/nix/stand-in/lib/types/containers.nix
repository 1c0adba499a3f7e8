# Types that hold values of another type.
lib:
let
  inherit (lib) mkOptionType showFiles showOption;
  inherit (lib.modules) mergeDefinitions;
  inherit (lib.options) getFiles;
  inherit (import ./shared.nix lib) elemTypeFunctor phrase;

  inner = elemType: {
    inherit (elemType) getSubModules;
    nestedTypes.elemType = elemType;
  };
  nounOrComposite = phrase [
    "noun"
    "composite"
  ];

  joinAttrs =
    a: b:
    let
      elemType = a.elemType.typeMerge b.elemType.functor;
      placeholder = if a.placeholder == "name" then b.placeholder else a.placeholder;
      agree = b.placeholder == "name" || b.placeholder == placeholder;
    in
    if elemType == null || a.lazy != b.lazy || !agree then
      null
    else
      {
        inherit elemType placeholder;
        inherit (a) lazy;
      };
in
rec {
  listOf =
    elemType:
    mkOptionType (
      inner elemType
      // {
        name = "listOf";
        description = "list of ${nounOrComposite elemType}";
        descriptionClass = "composite";
        check = lib.isList;
        emptyValue.value = [ ];
        merge =
          loc: defs:
          let
            entry =
              n: def: m: value:
              mergeDefinitions (loc ++ [ "[definition ${toString n}-entry ${toString m}]" ]) elemType [
                {
                  inherit (def) file;
                  inherit value;
                }
              ];
            entries = lib.concatLists (lib.imap1 (n: def: lib.imap1 (entry n def) def.value) defs);
          in
          map (x: x.optionalValue.value) (lib.filter (x: x.isDefined) entries);
        getSubOptions = prefix: elemType.getSubOptions (prefix ++ [ "*" ]);
        substSubModules = modules: listOf (elemType.substSubModules modules);
        functor = elemTypeFunctor "listOf" { inherit elemType; };
      }
    );
  nonEmptyListOf =
    elemType:
    let
      list = lib.types.addCheck (listOf elemType) (values: values != [ ]);
    in
    list
    // {
      description = "non-empty ${phrase [ "noun" ] list}";
      emptyValue = { };
      substSubModules = modules: nonEmptyListOf (elemType.substSubModules modules);
    };

  attrsOf = elemType: attrsWith { inherit elemType; };
  # Knows its names without asking a condition, so an attribute may be there and have no value.
  lazyAttrsOf =
    elemType:
    attrsWith {
      inherit elemType;
      lazy = true;
    };
  attrsWith =
    settings@{
      elemType,
      lazy ? false,
      placeholder ? "name",
    }:
    mkOptionType (
      inner elemType
      // {
        name = if lazy then "lazyAttrsOf" else "attrsOf";
        description = "${lib.optionalString lazy "lazy "}attribute set of ${nounOrComposite elemType}";
        descriptionClass = "composite";
        check = lib.isAttrs;
        emptyValue.value = { };
        merge =
          loc: defs:
          let
            located = map (def: lib.mapAttrs (_: value: { inherit (def) file; inherit value; }) def.value) defs;
            merged = lib.zipAttrsWith (name: mergeDefinitions (loc ++ [ name ]) elemType) located;
          in
          if lazy then
            lib.mapAttrs (_: x: x.mergedValue) merged
          else
            lib.mapAttrs (_: x: x.mergedValue) (lib.filterAttrs (_: x: x.isDefined) merged);
        getSubOptions = prefix: elemType.getSubOptions (prefix ++ [ "<${placeholder}>" ]);
        substSubModules =
          modules: attrsWith (settings // { elemType = elemType.substSubModules modules; });
        functor = elemTypeFunctor "attrsWith" { inherit elemType lazy placeholder; } // {
          type = attrsWith;
          binOp = joinAttrs;
        };
      }
    );

  nullOr =
    elemType:
    mkOptionType (
      inner elemType
      // {
        name = "nullOr";
        description = "null or ${
          phrase [
            "noun"
            "conjunction"
          ] elemType
        }";
        descriptionClass = "conjunction";
        check = x: x == null || elemType.check x;
        emptyValue.value = null;
        merge =
          loc: defs:
          let
            nulls = lib.count (def: def.value == null) defs;
          in
          if nulls == 0 then
            elemType.merge loc defs
          else if nulls == lib.length defs then
            null
          else
            throw "The option `${showOption loc}` is defined both null and not null, in ${showFiles (getFiles defs)}.";
        inherit (elemType) getSubOptions;
        substSubModules = modules: nullOr (elemType.substSubModules modules);
        functor = elemTypeFunctor "nullOr" { inherit elemType; };
      }
    );

  functionTo =
    elemType:
    mkOptionType (
      inner elemType
      // {
        name = "functionTo";
        description = "function that evaluates to a(n) ${nounOrComposite elemType}";
        descriptionClass = "composite";
        check = lib.isFunction;
        merge =
          loc: defs:
          let
            apply = args: map (def: def // { value = def.value args; }) defs;
          in
          {
            __functionArgs = lib.zipAttrsWith (_: lib.all lib.id) (
              map (def: lib.functionArgs def.value) defs
            );
            __functor =
              _: args: (mergeDefinitions (loc ++ [ "<function body>" ]) elemType (apply args)).mergedValue;
          };
        getSubOptions = prefix: elemType.getSubOptions (prefix ++ [ "<function body>" ]);
        substSubModules = modules: functionTo (elemType.substSubModules modules);
        functor = elemTypeFunctor "functionTo" { inherit elemType; };
      }
    );

  uniq = unique { message = ""; };
  unique =
    { message }:
    elemType:
    mkOptionType (
      inner elemType
      // {
        name = "unique";
        inherit (elemType)
          description
          descriptionClass
          check
          emptyValue
          getSubOptions
          ;
        merge = lib.options.mergeUniqueOption {
          inherit message;
          inherit (elemType) merge;
        };
        substSubModules = modules: uniq (elemType.substSubModules modules);
        functor = elemTypeFunctor "unique" { inherit elemType; } // {
          type = payload: unique { inherit message; } payload.elemType;
        };
      }
    );
}
