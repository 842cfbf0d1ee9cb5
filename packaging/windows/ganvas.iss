; The installer for Windows, made by Inno Setup 6.3 or newer from the folder that packaging/build.py made:
;     iscc /DVersion=0.1.0 packaging\windows\ganvas.iss
; Installs for the person who runs it, without an administrator's rights; takes everything away again but pictures and models.

#ifndef Version
  #error Say the version: iscc /DVersion=0.1.0 ganvas.iss
#endif

[Setup]
AppId={{7C0E5B0C-6B5E-4E0B-9C56-6A1D5B2F7E31}
AppName=Ganvas
AppVersion={#Version}
AppPublisher=The Ganvas authors
DefaultDirName={autopf}\Ganvas
DefaultGroupName=Ganvas
DisableProgramGroupPage=yes
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
MinVersion=10.0.17763
OutputDir=..\..\dist
OutputBaseFilename=ganvas-{#Version}-windows-x86_64-setup
SetupIconFile=..\..\build\packaging\icons\ganvas.ico
UninstallDisplayIcon={app}\ganvasw.exe
LicenseFile=..\..\LICENSE
Compression=lzma2/max
SolidCompression=yes
WizardStyle=modern
ChangesAssociations=yes
ChangesEnvironment=yes

[Tasks]
Name: "desktopicon"; Description: "An icon on the desktop"; Flags: unchecked
Name: "path"; Description: "The command ganvas in terminals (adds the folder to PATH)"; Flags: unchecked

[Files]
Source: "..\..\dist\ganvas\*"; DestDir: "{app}"; Flags: ignoreversion recursesubdirs createallsubdirs

[InstallDelete]
; an older version's files would be loaded beside the new ones
Type: filesandordirs; Name: "{app}\_internal"

[Icons]
Name: "{group}\Ganvas"; Filename: "{app}\ganvasw.exe"
Name: "{autodesktop}\Ganvas"; Filename: "{app}\ganvasw.exe"; Tasks: desktopicon

[Registry]
; documents of Ganvas
Root: HKA; Subkey: "Software\Classes\.ganvas"; ValueType: string; ValueData: "Ganvas.Document"; Flags: uninsdeletevalue
Root: HKA; Subkey: "Software\Classes\Ganvas.Document"; ValueType: string; ValueData: "Ganvas document"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\Ganvas.Document\DefaultIcon"; ValueType: string; ValueData: "{app}\ganvasw.exe,0"
Root: HKA; Subkey: "Software\Classes\Ganvas.Document\shell\open\command"; ValueType: string; ValueData: """{app}\ganvasw.exe"" ""%1"""
; among the programs that pictures can be opened with
Root: HKA; Subkey: "Software\Classes\Applications\ganvasw.exe"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\Applications\ganvasw.exe\shell\open\command"; ValueType: string; ValueData: """{app}\ganvasw.exe"" ""%1"""
Root: HKA; Subkey: "Software\Classes\Applications\ganvasw.exe\SupportedTypes"; ValueType: string; ValueName: ".png"; ValueData: ""
Root: HKA; Subkey: "Software\Classes\Applications\ganvasw.exe\SupportedTypes"; ValueType: string; ValueName: ".jpg"; ValueData: ""
Root: HKA; Subkey: "Software\Classes\Applications\ganvasw.exe\SupportedTypes"; ValueType: string; ValueName: ".webp"; ValueData: ""
Root: HKA; Subkey: "Software\Classes\Applications\ganvasw.exe\SupportedTypes"; ValueType: string; ValueName: ".tif"; ValueData: ""
; the command in terminals
Root: HKCU; Subkey: "Environment"; ValueType: expandsz; ValueName: "Path"; ValueData: "{olddata};{app}"; Tasks: path; Check: IsNotOnPath

[Run]
Filename: "{app}\ganvasw.exe"; Description: "Start Ganvas"; Flags: nowait postinstall skipifsilent

[Code]
function IsNotOnPath: Boolean;
var
  Path: String;
begin
  Path := '';
  RegQueryStringValue(HKEY_CURRENT_USER, 'Environment', 'Path', Path);
  Result := Pos(';' + Lowercase(ExpandConstant('{app}')) + ';', ';' + Lowercase(Path) + ';') = 0;
end;

procedure CurUninstallStepChanged(CurUninstallStep: TUninstallStep);
var
  Path, Ours: String;
  At: Integer;
begin
  if CurUninstallStep <> usUninstall then Exit;
  if not RegQueryStringValue(HKEY_CURRENT_USER, 'Environment', 'Path', Path) then Exit;
  Ours := ExpandConstant('{app}');
  { as a whole entry alone: a longer one (C:\Ganvas2) may begin with ours }
  At := Pos(';' + Lowercase(Ours) + ';', ';' + Lowercase(Path) + ';');
  if At = 0 then Exit;
  if At > 1 then At := At - 1;
  Delete(Path, At, Length(Ours) + 1);
  RegWriteExpandStringValue(HKEY_CURRENT_USER, 'Environment', 'Path', Path);
end;
