# The evaluation of a list of modules.
lib:
let
  inherit (lib) types;

  # The options that steer the evaluation itself.
  control =
    {
      moduleType,
      specialArgs,
      extendModules,
      nested,
    }:
    {
      _file = "lib/modules.nix";
      key = "lib/modules.nix";
      options._module = {
        args = lib.mkOption {
          type = types.lazyAttrsOf types.raw;
          description = "Arguments that every module is called with, beside those of its caller.";
          internal = nested;
        };
        check = lib.mkOption {
          type = types.bool;
          default = true;
          internal = true;
          description = "Whether a definition without an option is an error.";
        };
        freeformType = lib.mkOption {
          type = types.nullOr types.optionType;
          default = null;
          internal = true;
          description = "Type of everything that has no option of its own.";
        };
        specialArgs = lib.mkOption {
          readOnly = true;
          internal = true;
          description = "Arguments from the caller, which imports may depend on.";
        };
      };
      config._module = {
        args = { inherit extendModules moduleType; };
        inherit specialArgs;
      };
    };

  unknownOption =
    prefix: options: def:
    let
      loc = lib.showOption (prefix ++ def.path);
      message = "The option `${loc}' does not exist. Definition values:${lib.options.showDefs [ def ]}";
      none = lib.attrNames options == [ "_module" ];
      hint =
        if prefix == [ ] then
          "It seems as if you're trying to declare an option by placing it into `config' rather than `options'!"
        else
          "However there are no options defined in `${lib.showOption prefix}'. Are you sure you've declared your options properly?";
    in
    throw (message + lib.optionalString none "\n\n${hint}\n");
in
rec {
  evalModules =
    evaluation@{
      modules,
      prefix ? [ ],
      specialArgs ? { },
      class ? null,
    }:
    let
      arguments = {
        inherit lib options specialArgs;
        _class = class;
        _prefix = prefix;
        config = builtins.addErrorContext "if you get an infinite recursion here, you probably reference `config` in `imports`" config;
      }
      // specialArgs;
      all = lib.modules.collectModules class (
        modules ++ [ (control {
            inherit moduleType specialArgs extendModules;
            nested = prefix != [ ];
          }) ]
      ) arguments;
      # The last module speaks first, as modules that others import come before them.
      merged = lib.mergeModules prefix (lib.reverseList all);
      options = merged.options;
      declared = lib.mapAttrsRecursiveCond (set: !(lib.isOption set)) (_: option: option.value) options;
      inherit (declared._module) freeformType;
      free = freeformType.merge prefix (
        map (def: {
          inherit (def) file;
          value = lib.setAttrByPath def.path def.value;
        }) merged.unmatched
      );
      config =
        if freeformType == null then
          declared
        else
          lib.recursiveUpdate (lib.optionalAttrs (merged.unmatched != [ ]) free) declared;
      checked =
        if declared._module.check && freeformType == null && merged.unmatched != [ ] then
          _: unknownOption prefix options (lib.head merged.unmatched)
        else
          x: x;
      moduleType = types.submoduleWith { inherit modules specialArgs class; };
      extendModules =
        more@{
          modules ? [ ],
          specialArgs ? { },
          prefix ? evaluation.prefix or [ ],
        }:
        evalModules (
          evaluation
          // {
            modules = evaluation.modules ++ modules;
            specialArgs = evaluation.specialArgs or { } // specialArgs;
            inherit prefix;
          }
        );
    in
    {
      _type = "configuration";
      options = checked options;
      config = checked (removeAttrs config [ "_module" ]);
      _module = checked config._module;
      inherit class extendModules;
      type = moduleType;
    };
}
