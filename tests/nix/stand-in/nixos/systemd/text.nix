# The text of units.
{ lib }:
kind: globalEnvironment: unit:
let
  value =
    x:
    if x == true then
      "true"
    else if x == false then
      "false"
    else
      toString x;
  lines =
    settings:
    lib.concatStrings (
      lib.concatLists (
        lib.mapAttrsToList (name: values: map (x: "${name}=${value x}\n") (lib.toList values)) settings
      )
    );
  section = name: settings: "[${name}]\n${lines settings}";
  plain = name: settings: section name settings + "\n";

  environment =
    let
      all = globalEnvironment // unit.environment;
      set = name: lib.optionalString (all.${name} != null) "Environment=${builtins.toJSON "${name}=${all.${name}}"}\n";
    in
    lib.concatMapStrings set (lib.attrNames all);
  onChange =
    (
      if unit.reloadIfChanged then
        "X-ReloadIfChanged=true\n"
      else
        lib.optionalString (!unit.restartIfChanged) "X-RestartIfChanged=false\n"
    )
    + lib.optionalString (!unit.stopIfChanged) "X-StopIfChanged=false\n"
    + lib.optionalString unit.notSocketActivated "X-NotSocketActivated=true\n";
  listen = key: addresses: lib.concatMapStringsSep "\n" (address: "${key}=${address}") addresses;

  own = {
    service = "[Service]\n${environment}${onChange}${lines unit.serviceConfig}";
    socket = "${section "Socket" unit.socketConfig}\n${listen "ListenStream" unit.listenStreams}\n${listen "ListenDatagram" unit.listenDatagrams}\n";
    timer = plain "Timer" unit.timerConfig;
    path = plain "Path" unit.pathConfig;
    slice = plain "Slice" unit.sliceConfig;
    mount = plain "Mount" unit.mountConfig;
    automount = plain "Automount" unit.automountConfig;
  };
  install = lib.optionalString (
    unit.wantedBy != [ ]
  ) "\n[Install]\nWantedBy=${lib.concatStringsSep " " unit.wantedBy}\n";
in
{
  inherit (unit)
    name
    aliases
    wantedBy
    requiredBy
    upheldBy
    enable
    overrideStrategy
    ;
  text = plain "Unit" unit.unitConfig + lib.optionalString (kind != "target") (own.${kind} + install);
}
