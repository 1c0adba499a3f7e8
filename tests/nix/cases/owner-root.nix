{
  secretctl.secrets."any/token".owner = "root";
}
