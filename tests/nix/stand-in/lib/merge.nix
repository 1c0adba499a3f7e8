# Declarations and definitions of many modules, brought together option by option.
lib:
let
  inherit (builtins) isAttrs mapAttrs typeOf;
  inherit (lib.options) showDefs;
  inherit (lib)
    concatMap
    filter
    head
    isOption
    length
    showFiles
    showOption
    ;

  # From a list of files with sets to a set of lists of files with values.
  byName =
    items:
    lib.zipAttrs (
      map (item: mapAttrs (name: value: item // { inherit name value; }) item.value) items
    );

  declarationTree =
    loc: decl:
    if isAttrs decl.value then
      decl // { set = decl.value; }
    else
      throw ''
        An option declaration for `${lib.concatStringsSep "." loc}' has type
        `${typeOf decl.value}' rather than an attribute set.
        Did you mean to define this outside of `options'?
      '';

  definitionTree =
    loc: def:
    if isAttrs def.value then
      def
    else
      throw ''
        In module `${def.file}', you're trying to define a value of type `${typeOf def.value}'
        rather than an attribute set for the option
        `${lib.concatStringsSep "." loc}'!
      '';

  pushed = concatMap (def: map (value: def // { inherit value; }) (lib.pushDownProperties def.value));

  declaredAsOption =
    loc: decl:
    decl.value ? _type
    && (
      decl.value._type == "option"
      || throw "In module ${decl.file}: expected an option declaration at option path `${showOption loc}` but got an attribute set with type ${decl.value._type}"
    );

  # Options below an option become part of its submodule.
  asSubmodule =
    decl:
    if isOption decl.value then
      decl
    else
      decl
      // {
        value = lib.mkOption {
          type = lib.types.submoduleWith {
            modules = [ { options = decl.value; } ];
            shorthandOnlyDefinesConfig = null;
          };
        };
      };

  parentError =
    loc: options: decls:
    let
      parent = head options;
      nested = filter (decl: !(isOption decl.value)) decls;
      line =
        decl: name: " - option(s) with prefix `${showOption (loc ++ [ name ])}' in module `${decl.file}'";
      lines = concatMap (decl: map (line decl) (lib.attrNames decl.value)) nested;
    in
    throw "The option `${showOption loc}' in module `${parent.file}' would be a parent of the following options, but its type `${
      parent.value.type.description or "<no description>"
    }' does not support nested options.\n${lib.concatStringsSep "\n" (lib.sort (a: b: a < b) lines)}";

  mergeTree =
    loc: decls: defs:
    let
      trees = map (declarationTree loc) decls;
      sets = map (definitionTree loc) defs;
      definitions = byName sets;
      branch =
        name: decls:
        let
          here = loc ++ [ name ];
          options = filter (declaredAsOption here) decls;
          leaf = decls: {
            options = evalOptionValue here (fixupOptionType here (mergeOptionDecls here decls)) (
              definitions.${name} or [ ]
            );
            unmatched = [ ];
          };
        in
        if length options == length decls then
          leaf decls
        else if options == [ ] then
          mergeTree here (map (decl: { inherit (decl) file value; }) decls) (
            pushed (map (def: { inherit (def) file value; }) (definitions.${name} or [ ]))
          )
        else if lib.all (option: option.value.type.name or null == "submodule") options then
          leaf (map asSubmodule decls)
        else
          parentError here options decls;
      branches = mapAttrs branch (byName trees);
      below = mapAttrs (_: result: result.unmatched) branches;
      alone = removeAttrs definitions (lib.attrNames branches);
      unmatched = lib.mapAttrsToList (
        name: map (def: {
          inherit (def) file value;
          path = [ name ] ++ def.path or [ ];
        })
      ) (below // alone);
    in
    {
      options = mapAttrs (_: result: result.options) branches;
      unmatched = lib.optionals (defs != [ ]) (lib.concatLists unmatched);
    };

  addDeclaration =
    loc: sum: decl:
    let
      new = decl.value;
      twice = throw "The option `${showOption loc}' in `${decl.file}' is already declared in ${showFiles sum.declarations}.";
      both = name: new ? ${name} && sum ? ${name};
      type = sum.type.typeMerge new.type.functor;
      submodules = new.type.getSubModules or null;
      position =
        if decl.set or null == null then null else builtins.unsafeGetAttrPos decl.name decl.set;
    in
    if both "default" || both "example" || both "description" || both "apply" then
      twice
    else
      new
      // sum
      // {
        declarations = sum.declarations ++ [ decl.file ];
        declarationPositions = sum.declarationPositions ++ [
          (
            if position != null then
              position
            else
              {
                inherit (decl) file;
                line = null;
                column = null;
              }
          )
        ];
        options =
          lib.optionals (submodules != null) (map (lib.setDefaultModuleLocation decl.file) submodules)
          ++ sum.options;
      }
      // lib.optionalAttrs (both "type") { type = if type == null then twice else type; };

  inherit (lib.modules)
    evalOptionValue
    fixupOptionType
    mergeDefinitions
    mergeOptionDecls
    ;
in
{
  # The tree of options with their values, and the definitions that no option takes.
  mergeModules =
    loc: modules:
    mergeTree loc
      (map (m: {
        file = m._file;
        value = m.options;
      }) modules)
      (
        pushed (
          map (m: {
            file = m._file;
            value = m.config;
          }) modules
        )
      );

  # Several declarations of one option, which may differ in what their types can merge.
  mergeOptionDecls =
    loc:
    lib.foldl' (addDeclaration loc) {
      inherit loc;
      declarations = [ ];
      declarationPositions = [ ];
      options = [ ];
    };
  # Hands what was declared below an option to its type.
  fixupOptionType =
    loc: option:
    if option.type.getSubModules or null == null then
      option // { type = option.type or lib.types.unspecified; }
    else
      option
      // {
        type = option.type.substSubModules option.options;
        options = [ ];
      };

  evalOptionValue =
    loc: option: defs:
    let
      default = {
        file = head option.declarations;
        value = lib.mkOptionDefault option.default;
      };
      all = lib.optional (option ? default) default ++ map (def: { inherit (def) file value; }) defs;
      alone = def: def // { value = (mergeDefinitions loc option.type [ def ]).mergedValue; };
      result =
        if option.readOnly or false && length all > 1 then
          throw "The option `${showOption loc}' is read-only, but it's set multiple times. Definition values:${showDefs (map alone all)}"
        else
          mergeDefinitions loc option.type all;
      value = if option ? apply then option.apply result.mergedValue else result.mergedValue;
    in
    option
    // {
      value = builtins.addErrorContext "while evaluating the option `${showOption loc}':" value;
      inherit (result) highestPrio isDefined;
      definitions = map (def: def.value) result.defsFinal;
      files = map (def: def.file) result.defsFinal;
      definitionsWithLocations = result.defsFinal;
      __toString = _: showOption loc;
    };

  # The definitions that count, in their order, and what their type makes of them.
  mergeDefinitions =
    loc: type: defs:
    let
      discharged = concatMap (
        def:
        map (value: if value._type or null == "definition" then value else { inherit (def) file; inherit value; }) (
          builtins.addErrorContext "while evaluating definitions from `${def.file}':" (
            lib.dischargeProperties def.value
          )
        )
      ) defs;
      strongest = lib.modules.filterOverrides' discharged;
      invalid = filter (def: !(type.check def.value)) result.defsFinal;
      result = {
        inherit (strongest) highestPrio;
        defsFinal = lib.sortProperties strongest.values;
        isDefined = result.defsFinal != [ ];
        optionalValue = lib.optionalAttrs result.isDefined { value = result.mergedValue; };
        mergedValue =
          if !result.isDefined then
            type.emptyValue.value
              or (throw "The option `${showOption loc}' was accessed but has no value defined. Try setting the option.")
          else if invalid != [ ] then
            throw "A definition for option `${showOption loc}' is not of type `${type.description}'. Definition values:${showDefs invalid}"
          else
            type.merge loc result.defsFinal;
      };
    in
    result;
}
