# Cases on modules: imports, arguments, submodules, declarations of one option in several modules.
lib:
let
  inherit (lib) mkOption types;
  eval = modules: lib.evalModules { inherit modules; };
  config = modules: (eval modules).config;
  int = mkOption { type = types.int; };
  list = mkOption { type = types.listOf types.str; };
  named = types.submodule (
    { name, config, ... }:
    {
      options = {
        label = mkOption {
          type = types.str;
          default = "<${name}>";
        };
        loud = mkOption {
          type = types.str;
          default = lib.toUpper config.label;
        };
      };
    }
  );
  declaresTwice =
    first: second:
    config [
      { options.x = mkOption first; }
      { options.x = mkOption second; }
      { x = [ ]; }
    ];
in
{
  imports = config [
    {
      imports = [
        { imports = [ { list = [ "deepest" ]; } ]; list = [ "deep" ]; }
        (
          { lib, ... }:
          {
            list = [ "second" ];
          }
        )
      ];
      options.list = list;
      config.list = [ "importer" ];
    }
    { list = [ "beside" ]; }
  ];
  importedOnce = config [
    ./imported.nix
    { imports = [ ./imported.nix ]; }
    { options.list = list; }
  ];
  keyedOnce =
    let
      m = {
        key = "m";
        list = [ "m" ];
      };
    in
    config [
      m
      m
      { options.list = list; }
    ];
  shorthand = config [
    { options.x = int; }
    { x = 1; }
  ];
  strayAttribute = config [
    {
      options.x = int;
      x = 1;
    }
  ];
  unknownOption = config [
    { options.x = int; }
    { y = 1; }
  ];
  unknownNested = config [
    { options.a.x = int; }
    {
      a.x = 1;
      a.y = 1;
    }
  ];
  unknownUnchecked = config [
    { options.x = int; }
    {
      _module.check = false;
      x = 1;
      y = 1;
    }
  ];
  unknownBehindFalse = config [
    { options.x = int; }
    (lib.mkIf false { y = 1; })
    { x = 1; }
  ];
  undefined = config [ { options.x = int; } ];
  undefinedUnused = (config [
    {
      options.x = int;
      options.y = int;
      config.y = 1;
    }
  ]).y;
  isDefined =
    let
      evaluated = eval [
        {
          options.x = int;
          options.y = int;
          options.z = mkOption {
            type = types.int;
            default = 1;
          };
          config.y = lib.mkForce 1;
        }
      ];
    in
    lib.mapAttrs (_: option: [
      option.isDefined
      option.highestPrio
    ]) (removeAttrs evaluated.options [ "_module" ]);
  loc = (eval [ { options.a."b.c" = int; } ]).options.a."b.c".loc;
  optionAsText = "${(eval [ { options.a."b.c" = int; } ]).options.a."b.c"}";
  files =
    let
      option =
        (eval [
          {
            _file = "one.nix";
            options.x = list;
          }
          {
            _file = "two.nix";
            x = [ "2" ];
          }
          {
            _file = "three.nix";
            x = [ "3" ];
          }
        ]).options.x;
    in
    {
      inherit (option) files declarations definitionsWithLocations;
    };
  moduleArgs = config [
    { _module.args.word = "hi"; }
    (
      { word, ... }:
      {
        options.x = mkOption { type = types.str; };
        config.x = word;
      }
    )
  ];
  moduleArgsFromConfig = config [
    (
      { config, ... }:
      {
        options.y = mkOption { default = "y"; };
        config._module.args.word = config.y;
      }
    )
    (
      { word, ... }:
      {
        options.x = mkOption { type = types.str; };
        config.x = word;
      }
    )
  ];
  specialArgs =
    (lib.evalModules {
      specialArgs.extra = [ { list = [ "special" ]; } ];
      modules = [
        (
          { extra, ... }:
          {
            imports = extra;
            options.list = list;
          }
        )
      ];
    }).config;
  ifOnConfig = config [
    (
      { config, ... }:
      {
        options.on = mkOption { default = true; };
        options.x = int;
        config = lib.mkIf config.on { x = 1; };
      }
    )
  ];
  mergeAtTop = config [
    {
      options.list = list;
      config = lib.mkMerge [
        { list = [ "a" ]; }
        (lib.mkIf true { list = [ "b" ]; })
        (lib.mkOverride 100 { list = [ "c" ]; })
      ];
    }
  ];
  forceAtTop = config [
    {
      options.a.list = list;
      config = lib.mkForce { a.list = [ "a" ]; };
    }
    { a.list = [ "b" ]; }
  ];
  nestedList = config [ { imports = [ [ { } ] ]; } ];
  notAModule = config [ { imports = [ { _type = "literalExpression"; } ]; } ];

  submodule = config [
    { options.x = mkOption { type = types.attrsOf named; }; }
    {
      x.a = { };
      x.b.label = "bee";
    }
    { x.b.loud = lib.mkForce "B!"; }
  ];
  submoduleFunction = config [
    { options.x = mkOption { type = types.attrsOf named; }; }
    {
      x.a =
        { name, ... }:
        {
          label = "${name}-${name}";
        };
    }
  ];
  submoduleModule = config [
    { options.x = mkOption { type = types.submoduleWith { modules = [ { options.y = int; } ]; }; }; }
    { x.config.y = 1; }
  ];
  submoduleConfigOption = config [
    { options.x = mkOption { type = types.submodule { options.config = int; }; }; }
    { x.config = 1; }
  ];
  submoduleInList = config [
    { options.x = mkOption { type = types.listOf named; }; }
    { x = [ { label = "a"; } ]; }
  ];
  submoduleInNull = config [
    {
      options.x = mkOption {
        type = types.nullOr named;
        default = null;
      };
    }
    { x.label = "a"; }
  ];
  submoduleEmpty = config [
    { options.x = mkOption { type = types.submodule { options.y = mkOption { default = 1; }; }; }; }
  ];
  submoduleUnknown = config [
    { options.x = mkOption { type = types.attrsOf named; }; }
    { x.a.unknown = 1; }
  ];
  submoduleSpecialArgs = config [
    {
      options.x = mkOption {
        type = types.submoduleWith {
          specialArgs.word = "hi";
          modules = [ ({ word, ... }: { options.y = mkOption { default = word; }; }) ];
        };
      };
    }
  ];
  submoduleDeclaredTwice = config [
    { options.x = mkOption { type = types.attrsOf (types.submodule { options.a = int; }); }; }
    {
      options.x = mkOption {
        type = types.attrsOf (types.submodule { options.b = mkOption { default = 2; }; });
      };
    }
    { x.y.a = 1; }
  ];
  optionBelowSubmodule = config [
    { options.x = mkOption { type = types.submodule { options.a = int; }; }; }
    { options.x.b = mkOption { default = 2; }; }
    { x.a = 1; }
  ];
  optionBelowInt = config [
    { options.x = int; }
    { options.x.b = int; }
    { x = 1; }
  ];
  freeform = config [
    {
      freeformType = types.attrsOf (types.either types.int types.str);
      options.x = int;
    }
    {
      x = 1;
      y = "free";
    }
    { z = 2; }
  ];
  freeformWrong = config [
    {
      freeformType = types.attrsOf types.int;
      options.x = int;
    }
    {
      x = 1;
      y = "text";
    }
  ];
  freeformSubmodule = config [
    {
      options.x = mkOption {
        type = types.submodule {
          freeformType = types.attrsOf types.str;
          options.a = int;
        };
      };
    }
    {
      x.a = 1;
      x.b = "b";
    }
  ];
  freeformNested = config [
    {
      freeformType = types.attrsOf types.anything;
      options.a.x = int;
    }
    {
      a.x = 1;
      a.y = 2;
    }
  ];
  freeformNone = config [ { freeformType = types.attrsOf types.int; } ];
  deferred =
    let
      kept =
        (config [
          { options.m = mkOption { type = types.deferredModule; }; }
          { m = { list = [ "1" ]; }; }
          { m = { ... }: { list = [ "2" ]; }; }
        ]).m;
    in
    config [
      { options.list = list; }
      kept
    ];

  enumsJoin = config [
    { options.x = mkOption { type = types.enum [ 1 ]; }; }
    { options.x = mkOption { type = types.enum [ 2 ]; }; }
    { x = 2; }
  ];
  typesDiffer = declaresTwice { type = types.listOf types.int; } { type = types.str; };
  typesAgree = declaresTwice { type = types.listOf types.int; } { type = types.listOf types.int; };
  innerTypesDiffer = declaresTwice { type = types.listOf types.int; } { type = types.listOf types.str; };
  linesDiffer = declaresTwice { type = types.lines; } { type = types.commas; };
  twoDefaults = declaresTwice { default = 1; } { default = 1; };
  twoDescriptions = declaresTwice { description = "a"; } { description = "a"; };
  defaultAndType = declaresTwice { default = [ ]; } { type = types.listOf types.int; };
  extended =
    let
      evaluated = eval [
        { options.list = list; }
        { list = [ "a" ]; }
      ];
    in
    (evaluated.extendModules { modules = [ { list = [ "b" ]; } ]; }).config;
  typeOfEvaluation = config [
    { options.x = mkOption { inherit (eval [ { options.y = int; } ]) type; }; }
    { x.y = 3; }
  ];
  classAgrees =
    (lib.evalModules {
      class = "nixos";
      modules = [
        {
          _class = "nixos";
          options.x = mkOption { default = 1; };
        }
      ];
    }).config;
  classDiffers =
    (lib.evalModules {
      class = "nixos";
      modules = [ { _class = "homeManager"; } ];
    }).config;
  removedUnused = lib.attrNames (
    (eval [
      { options.assertions = mkOption { type = types.listOf types.raw; }; }
      (lib.mkRemovedOptionModule [ "old" ] "gone")
    ]).config
  );
  removedUsed = map (a: a.assertion) (
    (eval [
      { options.assertions = mkOption { type = types.listOf types.raw; }; }
      (lib.mkRemovedOptionModule [ "old" ] "gone")
      { old = 1; }
    ]).config.assertions
  );
  renamed =
    (config [
      { options.new.x = int; }
      (lib.mkRenamedOptionModule
        [
          "old"
          "x"
        ]
        [
          "new"
          "x"
        ]
      )
      { old.x = lib.mkForce 7; }
      { new.x = 8; }
    ]).new;
  infinite = (config [ { options.x = mkOption { type = types.attrsOf types.anything; default = { a = throw "lazy"; b = 1; }; }; } ]).x.b;
}
