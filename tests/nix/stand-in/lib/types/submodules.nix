# Types whose values are evaluations of modules of their own.
lib:
let
  inherit (lib) mkOptionType;
  inherit (lib.types) defaultFunctor;
  inherit (import ./shared.nix lib) phrase;

  isModule = x: lib.isAttrs x || lib.isFunction x || lib.types.path.check x;
  unchecked = {
    _file = "<documentation>";
    config._module.check = lib.mkForce false;
  };

  joinSubmodules =
    a: b:
    let
      agreed =
        name:
        if a.${name} == null || a.${name} == b.${name} then
          b.${name}
        else if b.${name} == null then
          a.${name}
        else
          throw "A submoduleWith option is declared multiple times with conflicting ${name} values";
      shared = lib.attrNames (lib.intersectAttrs a.specialArgs b.specialArgs);
    in
    {
      modules = a.modules ++ b.modules;
      specialArgs =
        lib.throwIf (shared != [ ])
          "A submoduleWith option is declared multiple times with the same specialArgs \"${toString shared}\""
          (a.specialArgs // b.specialArgs);
      shorthandOnlyDefinesConfig = agreed "shorthandOnlyDefinesConfig";
      description = agreed "description";
      class = agreed "class";
    };
in
rec {
  submodule =
    modules:
    submoduleWith {
      modules = lib.toList modules;
      shorthandOnlyDefinesConfig = true;
    };

  submoduleWith =
    settings@{
      modules,
      specialArgs ? { },
      shorthandOnlyDefinesConfig ? false,
      description ? null,
      class ? null,
    }:
    let
      base = lib.evalModules {
        inherit specialArgs class;
        modules = [ { _module.args.name = lib.mkOptionDefault "‹name›"; } ] ++ modules;
      };
      definition =
        { file, value }:
        {
          _file = file;
        }
        // (
          if lib.isAttrs value && shorthandOnlyDefinesConfig == true then
            { config = value; }
          else
            { imports = [ value ]; }
        );
      free = documented: documented._module.freeformType;
      documented =
        prefix:
        base.extendModules {
          inherit prefix;
          modules = [ unchecked ];
        };
      described = free (documented [ ]);
    in
    mkOptionType {
      name = "submodule";
      description =
        if description != null then
          description
        else if described ? description then
          "open submodule of ${
            phrase [
              "noun"
              "composite"
            ] described
          }"
        else
          "submodule";
      check = isModule;
      merge =
        loc: defs:
        (base.extendModules {
          prefix = loc;
          modules = [ { _module.args.name = lib.last loc; } ] ++ map definition defs;
        }).config;
      emptyValue.value = base.config;
      getSubOptions =
        prefix:
        let
          evaluated = documented prefix;
        in
        evaluated.options
        // lib.optionalAttrs (free evaluated != null) {
          _freeformOptions = (free evaluated).getSubOptions prefix;
        };
      getSubModules = modules;
      substSubModules = modules: submoduleWith (settings // { inherit modules; });
      nestedTypes = lib.optionalAttrs (free base != null) { freeformType = free base; };
      functor = defaultFunctor "submodule" // {
        type = submoduleWith;
        payload = {
          inherit
            modules
            specialArgs
            shorthandOnlyDefinesConfig
            description
            class
            ;
        };
        binOp = joinSubmodules;
      };
    };

  # A module that is kept for another evaluation.
  deferredModule = deferredModuleWith { };
  deferredModuleWith =
    {
      staticModules ? [ ],
    }:
    mkOptionType {
      name = "deferredModule";
      description = "module";
      descriptionClass = "noun";
      check = isModule;
      merge = loc: defs: {
        imports =
          staticModules
          ++ map (
            def:
            lib.setDefaultModuleLocation "${def.file}, via option ${lib.showOption loc}" def.value
          ) defs;
      };
      inherit (submoduleWith { modules = staticModules; }) getSubOptions getSubModules;
      substSubModules = modules: deferredModuleWith { staticModules = modules; };
      functor = defaultFunctor "deferredModuleWith" // {
        type = deferredModuleWith;
        payload = { inherit staticModules; };
        binOp = a: b: { staticModules = a.staticModules ++ b.staticModules; };
      };
    };
}
