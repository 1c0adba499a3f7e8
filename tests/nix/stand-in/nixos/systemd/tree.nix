# The folder of units that systemd reads.
{ lib, pkgs }:
let
  escape = lib.escapeShellArg;
  fileName = lib.replaceStrings [ "@" ":" "\\" "[" "]" ] [ "-" "-" "-" "" "" ];
  enabled = lib.filterAttrs (_: unit: unit.enable);
  link = folder: name: other: ''
    mkdir -p $out/${escape "${other}.${folder}"}
    ln -sfn ${escape "../${name}"} $out/${escape "${other}.${folder}"}/
  '';
  place =
    name: unit:
    let
      file = "${unit.unit}/${name}";
    in
    if unit.overrideStrategy == "asDropin" then
      ''
        mkdir -p $out/${escape "${name}.d"}
        ln -s ${escape file} $out/${escape "${name}.d"}/overrides.conf
      ''
    else
      ''
        ln -fs ${escape file} $out/
      '';
  relations =
    name: unit:
    lib.concatMapStrings (alias: ''
      ln -sfn ${escape name} $out/${escape alias}
    '') unit.aliases
    + lib.concatMapStrings (link "wants" name) unit.wantedBy
    + lib.concatMapStrings (link "upholds" name) unit.upheldBy
    + lib.concatMapStrings (link "requires" name) unit.requiredBy;
in
{
  one =
    name: unit:
    if unit.enable then
      pkgs.writeTextFile {
        name = "unit-${fileName name}";
        text = if unit.text == null then "" else unit.text;
        destination = "/${name}";
      }
    else
      pkgs.runCommand "unit-${fileName name}-disabled" { } ''
        mkdir -p $out
        ln -s /dev/null $out/${escape name}
      '';
  all =
    name: units:
    pkgs.runCommand name { } ''
      mkdir -p $out
      ${lib.concatStrings (lib.mapAttrsToList place units)}
      ${lib.concatStrings (lib.mapAttrsToList relations (enabled units))}
    '';
}
