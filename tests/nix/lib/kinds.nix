# Cases on what is told about options: descriptions, packages, lists for a page of options.
lib:
let
  inherit (lib) mkOption types;
  packages = {
    tool = {
      type = "derivation";
      name = "tool";
      outPath = "/nix/store/00000000000000000000000000000000-tool";
    };
    set.inner = packages.tool;
  };
  description = type: type.description;
  documented =
    module:
    map (option: removeAttrs option [ "declarations" ]) (
      lib.filter (option: !option.internal) (
        lib.optionAttrSetToDocList
          (removeAttrs (lib.evalModules { modules = [ module ]; }).options [ "_module" ])
      )
    );
in
{
  descriptions = map description [
    (types.listOf types.str)
    (types.listOf (types.nullOr types.int))
    (types.attrsOf (types.listOf types.path))
    (types.lazyAttrsOf types.raw)
    (types.nullOr (types.either types.int types.str))
    (types.either types.ints.positive types.str)
    (types.either (types.enum [ "a" "b" ]) types.bool)
    (types.either (types.listOf types.int) (types.attrsOf types.int))
    (types.oneOf [
      types.int
      types.str
      types.bool
    ])
    (types.enum [ ])
    (types.enum [ "one" ])
    (types.coercedTo types.int toString types.str)
    (types.functionTo types.str)
    (types.submodule { })
    (types.submodule { freeformType = types.attrsOf types.int; })
    (types.submoduleWith {
      modules = [ ];
      description = "described";
    })
    (types.nonEmptyListOf types.str)
    (types.uniq types.str)
    types.deferredModule
    types.package
    types.port
    (types.ints.between 1 5)
    (types.strMatching "[a-z]+")
    (types.separatedString "-")
    types.attrs
    types.optionType
  ];
  names = map (type: type.name) [
    types.str
    types.lines
    types.port
    (types.listOf types.int)
    (types.attrsOf types.int)
    (types.lazyAttrsOf types.int)
    (types.submodule { })
    (types.nullOr types.int)
    (types.enum [ ])
    types.path
    types.package
    (types.strMatching "x")
    (types.ints.between 1 2)
  ];
  mkEnableOption = removeAttrs (lib.mkEnableOption "the thing") [ "type" ];
  mkPackageOption = removeAttrs (lib.mkPackageOption packages "tool" { }) [ "type" ];
  mkPackageOptionNested = removeAttrs (lib.mkPackageOption packages [ "set" "inner" ] {
    nullable = true;
    example = "pkgs.other";
    extraDescription = "More.";
    pkgsText = "packages";
  }) [ "type" ];
  mkPackageOptionNull = removeAttrs (lib.mkPackageOption packages "tool" {
    default = null;
    nullable = true;
  }) [ "type" ];
  mkPackageOptionMissing = (lib.mkPackageOption packages "nothing" { }).default;
  literals = [
    (lib.literalExpression "x")
    (lib.literalMD "x")
  ];
  literalWrong = lib.literalExpression 1;
  showOption = map lib.showOption [
    [
      "a"
      "b"
    ]
    [
      "a"
      "b.c"
      "<name>"
      "*"
      "1x"
      "with"
    ]
  ];
  showFiles = lib.showFiles [
    "a"
    "b"
  ];
  showDefs = lib.options.showDefs [
    {
      file = "a.nix";
      value = 1;
    }
    {
      file = "b.nix";
      value.x = [
        1
        2
        3
        4
        5
      ];
    }
    {
      file = "c.nix";
      value = throw "no";
    }
    {
      file = "d.nix";
      value.a.b.c.d = "two\nlines";
    }
  ];
  documentation = documented {
    options = {
      plain = mkOption {
        type = types.int;
        default = 1;
        example = 2;
        description = "A number.";
      };
      told = mkOption {
        type = types.str;
        default = throw "not shown";
        defaultText = lib.literalExpression "config.x";
        readOnly = true;
      };
      text = mkOption {
        type = types.lines;
        default = "a\nb\n";
        example = lib.literalMD "see *there*";
      };
      inner = mkOption {
        type = types.attrsOf (types.submodule { options.x = mkOption { type = types.bool; }; });
        description = "Things.";
      };
      listed = mkOption { type = types.listOf (types.submodule { options.x = lib.mkEnableOption "x"; }); };
      hidden = mkOption {
        type = types.int;
        visible = false;
      };
      secret = mkOption {
        type = types.int;
        internal = true;
      };
      shallow = mkOption {
        type = types.submodule { options.y = mkOption { }; };
        visible = "shallow";
      };
      through = mkOption {
        type = types.submodule { options.y = mkOption { }; };
        visible = "transparent";
      };
      untyped = mkOption { };
      a."b.c".d = mkOption { type = types.nullOr types.package; };
      free = mkOption { type = types.submodule { freeformType = types.attrsOf types.int; }; };
      set = mkOption {
        type = types.attrsOf types.anything;
        default = { };
        example = {
          a = "x";
          b = [ true ];
        };
      };
    };
  };
}
