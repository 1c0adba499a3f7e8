# What a home is refused and what it may have: each with every message that evaluation gives.
{
  lib,
  # Evaluates a list of modules as a home.
  home,
}:

let
  token = fields: { secretctl.secrets."any/token" = fields; };

  cases = {
    instance-of-a-template = {
      module = {
        systemd.user.services."page@".Service.ExecStart = "/bin/page %i";
      } // token { restartUnits = [ "page@a.service" ]; };
      refused = [ ];
    };
    unit-of-another-kind = {
      module = {
        systemd.user.slices.background = { };
      } // token { restartUnits = [ "background.slice" ]; };
      refused = [ ];
    };
    unknown-unit = {
      module = token { restartUnits = [ "mistyped.service" ]; };
      refused = [
        ''
          secretctl.secrets."any/token": there is no unit `mistyped.service` on this host.
          Correct the name; if a package brings the unit, list it in `secretctl.externalUnits`.''
      ];
    };
    file-of-another-user = {
      module = token { owner = "app"; };
      refused = [
        ''
          secretctl.secrets."any/token".owner: what a user installs belongs to that user, and cannot be given away.
          Leave out `owner` and `group`, or declare the secret in the configuration of the system.''
      ];
    };
    early-file = {
      module = token { neededForUsers = true; };
      refused = [
        ''
          secretctl.secrets."any/token".neededForUsers: home-manager creates no users from secrets.
          Leave it out.''
      ];
    };
    credential = {
      module.secretctl.services.app.secrets.key.secret = "any/token";
      refused = [
        ''
          secretctl.services."app".secrets."key".deliver: home-manager has no credentials of units for this.
          Declare it below `secretctl.secrets`, as a "file".''
      ];
    };
  };

  said =
    module:
    let
      inherit (home [
        {
          home.username = "app";
          home.homeDirectory = "/home/app";
          home.stateVersion = "25.11";
          secretctl = {
            enable = true;
            fleet = ../fleet;
            host = "alpha";
            trustedKeys = [ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQTtWTVzd2t27+t0DEHBPW7iOD23TUiYLio" ];
          };
        }
        module
      ]) unchecked;
    in
    map (entry: entry.message) (lib.filter (entry: !entry.assertion) unchecked.assertions);
in
lib.filterAttrs (_: case: case.said != case.refused) (
  builtins.mapAttrs (_: case: case // { said = said case.module; }) cases
)
