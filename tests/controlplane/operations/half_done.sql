-- A catalog of the version before kinds of operations were files of their own (migration 6), with one operation of
-- every kind half done: recorded by that version's engine. migration_test.cc ends them all.
CREATE TABLE aliases (
  alias TEXT NOT NULL,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  PRIMARY KEY (alias)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  caller TEXT NOT NULL,
  peer TEXT NOT NULL,
  method TEXT NOT NULL,
  resource TEXT NOT NULL,
  result TEXT NOT NULL,
  request_id TEXT NOT NULL,
  previous_hash TEXT NOT NULL CHECK (length(previous_hash) = 64),
  hash TEXT NOT NULL CHECK (length(hash) = 64)
, count INTEGER NOT NULL DEFAULT 1 CHECK (count > 0)) STRICT;
INSERT INTO "audit" VALUES(1,1800000000000000,'admin','test','m18','hosts/h1','OK','','0000000000000000000000000000000000000000000000000000000000000000','ebb84bc0f3cfb090944184a33c5c6abdc715eb02ce69a0c4ccb769ada95ef2e2',1);
INSERT INTO "audit" VALUES(2,1800000000000000,'admin','test','m19','hosts/h1','OK','','ebb84bc0f3cfb090944184a33c5c6abdc715eb02ce69a0c4ccb769ada95ef2e2','26c4da22a9e1f502c05dd875da0e543576f3d23af040384e8293855640db15e1',1);
INSERT INTO "audit" VALUES(3,1800000000000000,'admin','test','m0','operations/op-create-configure tenants/configure hosts/h1','OK','','26c4da22a9e1f502c05dd875da0e543576f3d23af040384e8293855640db15e1','92de788c7ba62388010fb0a5b50dba1b92add54576a7312205b286678c31b24b',1);
INSERT INTO "audit" VALUES(4,1800000000000000,'admin','test','m0','operations/op-create-suspend tenants/suspend hosts/h1','OK','','92de788c7ba62388010fb0a5b50dba1b92add54576a7312205b286678c31b24b','797c190a362aa577c9b5a614ad5847f921a1826de866ca213fcd70657760d290',1);
INSERT INTO "audit" VALUES(5,1800000000000000,'admin','test','m0','operations/op-create-resume tenants/resume hosts/h1','OK','','797c190a362aa577c9b5a614ad5847f921a1826de866ca213fcd70657760d290','9d9dd2091cc4fe71893c49f5d11f8be8cbbf8a556fd9f49b59fc47d53f94d76e',1);
INSERT INTO "audit" VALUES(6,1800000000000000,'admin','test','m0','operations/op-create-retire tenants/retire hosts/h1','OK','','9d9dd2091cc4fe71893c49f5d11f8be8cbbf8a556fd9f49b59fc47d53f94d76e','55988a19eb7cf454536aba46a293888e1759532c8419a6811596bcd83eec5efa',1);
INSERT INTO "audit" VALUES(7,1800000000000000,'admin','test','m0','operations/op-create-undelete tenants/undelete hosts/h1','OK','','55988a19eb7cf454536aba46a293888e1759532c8419a6811596bcd83eec5efa','d3ebae9e0e9343144bdbd19ed07761e6bb4fbad7ecf829a068e190e3084074d6',1);
INSERT INTO "audit" VALUES(8,1800000000000000,'admin','test','m0','operations/op-create-purge tenants/purge hosts/h1','OK','','d3ebae9e0e9343144bdbd19ed07761e6bb4fbad7ecf829a068e190e3084074d6','286535563beed646cb3caf906316a7c6f3645130504776ac2cc89d9a406007a3',1);
INSERT INTO "audit" VALUES(9,1800000000000000,'admin','test','m0','operations/op-create-restore tenants/restore hosts/h1','OK','','286535563beed646cb3caf906316a7c6f3645130504776ac2cc89d9a406007a3','c11fd7d15ca7507c08bd9df3c78faf0cdd4910b34007c0e8aadccafb9c70e55a',1);
INSERT INTO "audit" VALUES(10,1800000000000000,'admin','test','m0','operations/op-create-source tenants/source hosts/h1','OK','','c11fd7d15ca7507c08bd9df3c78faf0cdd4910b34007c0e8aadccafb9c70e55a','521dd0b9b7bb2797891dad1141c7d7588b029690b32f9c0b8ae765616682e1e8',1);
INSERT INTO "audit" VALUES(11,1800000000000000,'admin','test','m0','operations/op-create-rotate tenants/rotate hosts/h1','OK','','521dd0b9b7bb2797891dad1141c7d7588b029690b32f9c0b8ae765616682e1e8','a14eecd594f90c03dda7a2ed71ece1298ebce7ec398cf37414c70643dd3bd456',1);
INSERT INTO "audit" VALUES(12,1800000000000000,'admin','test','m0','operations/op-create-backup tenants/backup hosts/h1','OK','','a14eecd594f90c03dda7a2ed71ece1298ebce7ec398cf37414c70643dd3bd456','f9e7d7793cbf5a9b839c1096c707890ebe550d6ae155d27e7804d9651f6585fe',1);
INSERT INTO "audit" VALUES(13,1800000000000000,'admin','test','m0','operations/op-create-verify tenants/verify hosts/h1','OK','','f9e7d7793cbf5a9b839c1096c707890ebe550d6ae155d27e7804d9651f6585fe','18ee901b43a5f9a0481e1b59e7a3a3983f03a97ef4521498ec00094ff508aa60',1);
INSERT INTO "audit" VALUES(14,1800000000000000,'admin','test','m0','operations/op-create-delete tenants/delete hosts/h1','OK','','18ee901b43a5f9a0481e1b59e7a3a3983f03a97ef4521498ec00094ff508aa60','cba2413f2b221993ccef48152eb0e7233c9dd18dcea8525d6ee22645c03286d0',1);
INSERT INTO "audit" VALUES(15,1800000000000000,'admin','test','m0','operations/op-create-cleancopy tenants/cleancopy hosts/h1','OK','','cba2413f2b221993ccef48152eb0e7233c9dd18dcea8525d6ee22645c03286d0','c4f92c2d24405194685dcfa7d6df8aa84a54ae1a1f64149b2cbbd4aad18f75f8',1);
INSERT INTO "audit" VALUES(16,1800000000000000,'admin','test','m0','operations/op-create-cleanlogin tenants/cleanlogin hosts/h1','OK','','c4f92c2d24405194685dcfa7d6df8aa84a54ae1a1f64149b2cbbd4aad18f75f8','ceae0d8c8d0b6bd3d09006de809663c9fd15aea118f71c91c23e98302a7f21bc',1);
INSERT INTO "audit" VALUES(17,1800000000000000,'admin','test','m9','operations/op-backup-b1 tenants/restore tenants/restore/backups/b1 hosts/h1','OK','','ceae0d8c8d0b6bd3d09006de809663c9fd15aea118f71c91c23e98302a7f21bc','b316dc1d423a6deb779efe07e1636a7c73d8a9749dfb3d2bc4ce59733f885a45',1);
INSERT INTO "audit" VALUES(18,1800000000000000,'admin','test','m9','operations/op-backup-b2 tenants/source tenants/source/backups/b2 hosts/h1','OK','','b316dc1d423a6deb779efe07e1636a7c73d8a9749dfb3d2bc4ce59733f885a45','cc86466844beea8716d4b397ef6a788c4c33b4004f7f548bbf77a849e2e611a2',1);
INSERT INTO "audit" VALUES(19,1800000000000000,'admin','test','m9','operations/op-backup-b3 tenants/verify tenants/verify/backups/b3 hosts/h1','OK','','cc86466844beea8716d4b397ef6a788c4c33b4004f7f548bbf77a849e2e611a2','51a59a075c40528386a2d17fd5c694e2edfe7c715d51ec142e1e811c1687ca93',1);
INSERT INTO "audit" VALUES(20,1800000000000000,'admin','test','m9','operations/op-backup-b4 tenants/delete tenants/delete/backups/b4 hosts/h1','OK','','51a59a075c40528386a2d17fd5c694e2edfe7c715d51ec142e1e811c1687ca93','f1a8b4202593505b386243781d4101227f41586f1719f046397d987fb07f93b7',1);
INSERT INTO "audit" VALUES(21,1800000000000000,'admin','test','m9','operations/op-backup-b5 tenants/cleancopy tenants/cleancopy/backups/b5 hosts/h1','OK','','f1a8b4202593505b386243781d4101227f41586f1719f046397d987fb07f93b7','03ab583e4dd0ede5b588565aa988fb9cacdaf280128021737ebc75290550dcf8',1);
INSERT INTO "audit" VALUES(22,1800000000000000,'admin','test','m9','operations/op-backup-b6 tenants/purge tenants/purge/backups/b6 hosts/h1','OK','','03ab583e4dd0ede5b588565aa988fb9cacdaf280128021737ebc75290550dcf8','b97a693536303593c23845cc84d5250c3b793a46f90b34108410b4c489e2a5d3',1);
INSERT INTO "audit" VALUES(23,1800000000000000,'admin','test','m7','operations/op-cleancopy tenants/cleancopy tenants/cleancopy/backups/b5 hosts/h1','OK','','b97a693536303593c23845cc84d5250c3b793a46f90b34108410b4c489e2a5d3','72e5b7198fc0712bc0c562894a12c76d942d0bfeaee21f27614a6bb88f389adc',1);
INSERT INTO "audit" VALUES(24,1800000000000000,'admin','test','m8','operations/op-cleanlogin tenants/cleanlogin hosts/h1','OK','','72e5b7198fc0712bc0c562894a12c76d942d0bfeaee21f27614a6bb88f389adc','ac10ceac0e44692a28d6512ab5d111bf83d40b1350432059ca6a7d01cbb75d99',1);
INSERT INTO "audit" VALUES(25,1800000000000000,'admin','test','m7','operations/op-purgecopy tenants/purge tenants/purge/backups/b6 hosts/h1','OK','','ac10ceac0e44692a28d6512ab5d111bf83d40b1350432059ca6a7d01cbb75d99','a6458fd898ead7fe5addf9ce7d609df4d786369a35bf699ca5c112e94d3f5dd3',1);
INSERT INTO "audit" VALUES(26,1800000000000000,'admin','test','m2','operations/op-s1 tenants/resume hosts/h1','OK','','a6458fd898ead7fe5addf9ce7d609df4d786369a35bf699ca5c112e94d3f5dd3','9e1e4f63a80fa4fc126c52bda4b1fb5030fb736ebf2735fd3fba52d5b04a4873',1);
INSERT INTO "audit" VALUES(27,1800000000000000,'admin','test','m4','operations/op-retire-f1 tenants/undelete tenants/undelete/backups/f1 hosts/h1','OK','','9e1e4f63a80fa4fc126c52bda4b1fb5030fb736ebf2735fd3fba52d5b04a4873','3d945b6dcf86127541e1c0fb094f190d318fef97c0b43f0b13ef30c25d688aae',1);
INSERT INTO "audit" VALUES(28,1800000000000000,'admin','test','m4','operations/op-retire-f2 tenants/purge tenants/purge/backups/f2 hosts/h1','OK','','3d945b6dcf86127541e1c0fb094f190d318fef97c0b43f0b13ef30c25d688aae','39c51aedd656d99f2012882a296868759e000b5b126b8e9518ee29260c8b56d6',1);
INSERT INTO "audit" VALUES(29,1800000000000000,'admin','test','m0','operations/op-create-create tenants/create hosts/h1','OK','','39c51aedd656d99f2012882a296868759e000b5b126b8e9518ee29260c8b56d6','b4e44d263b7cca7b1ce2fab03fb8d6083b79d68f0e36f3a8b5fd5a52b609f57d',1);
INSERT INTO "audit" VALUES(30,1800000000000000,'admin','test','m0','operations/op-create-undoing tenants/undoing hosts/h1','OK','','b4e44d263b7cca7b1ce2fab03fb8d6083b79d68f0e36f3a8b5fd5a52b609f57d','7045d529b0773fd9d1e40b1c880f00127a1d33c6dc5a1c449a329b3790d4faf8',1);
INSERT INTO "audit" VALUES(31,1800000000000000,'admin','test','m1','tenants/configure hosts/h1 operations/op-configure','OK','','7045d529b0773fd9d1e40b1c880f00127a1d33c6dc5a1c449a329b3790d4faf8','5ecec78947a043f9bebd3cb7fa2037924710d47506a2b0043a6e08040f7f48d4',1);
INSERT INTO "audit" VALUES(32,1800000000000000,'admin','test','m2','operations/op-suspend tenants/suspend hosts/h1','OK','','5ecec78947a043f9bebd3cb7fa2037924710d47506a2b0043a6e08040f7f48d4','143d9dc2c1bf597acbdd4c538c05492a3acc9e9e7a32a1a07ef9ff37a0e4f5e7',1);
INSERT INTO "audit" VALUES(33,1800000000000000,'admin','test','m3','operations/op-resume tenants/resume hosts/h1','OK','','143d9dc2c1bf597acbdd4c538c05492a3acc9e9e7a32a1a07ef9ff37a0e4f5e7','2820067d8b7d1952ad55af9a6340695ea222a7a1c38b8187e508555f3097afe9',1);
INSERT INTO "audit" VALUES(34,1800000000000000,'admin','test','m4','operations/op-retire-f3 tenants/retire tenants/retire/backups/f3 hosts/h1','OK','','2820067d8b7d1952ad55af9a6340695ea222a7a1c38b8187e508555f3097afe9','25687f9a9d68d5e835ae0dadfb50ea48fd4b3bdffcdf6bfe49f7cf77aa5ec081',1);
INSERT INTO "audit" VALUES(35,1800000000000000,'admin','test','m5','operations/op-undelete tenants/undelete hosts/h1','OK','','25687f9a9d68d5e835ae0dadfb50ea48fd4b3bdffcdf6bfe49f7cf77aa5ec081','78fd775fbed9d54e48e5f0dd881c748cc41e319d7c6202b391192c59ee1b1da7',1);
INSERT INTO "audit" VALUES(36,1800000000000000,'admin','test','m6','operations/op-purge tenants/purge hosts/h1 operations/op-purgecopy-clean','OK','','78fd775fbed9d54e48e5f0dd881c748cc41e319d7c6202b391192c59ee1b1da7','2613e662db9ef4b8f74efe57c56ebe4a46a984445b4ed66559e4b37b5e695600',1);
INSERT INTO "audit" VALUES(37,1800000000000000,'admin','test','m7','operations/op-restore tenants/restore tenants/restore/backups/b1 hosts/h1','OK','','2613e662db9ef4b8f74efe57c56ebe4a46a984445b4ed66559e4b37b5e695600','a7a57b52659b1a9843501b43718114e6c59594bf73bdd0a4f24308c4abd6e4e8',1);
INSERT INTO "audit" VALUES(38,1800000000000000,'admin','test','m7','operations/op-copy tenants/copy tenants/source tenants/source/backups/b2 hosts/h1','OK','','a7a57b52659b1a9843501b43718114e6c59594bf73bdd0a4f24308c4abd6e4e8','f06d17c279ef1f20ee97dbadd95094d54ceca23f7da75b8784fbf0ff1fb6c668',1);
INSERT INTO "audit" VALUES(39,1800000000000000,'admin','test','m8','operations/op-rotate tenants/rotate hosts/h1','OK','','f06d17c279ef1f20ee97dbadd95094d54ceca23f7da75b8784fbf0ff1fb6c668','3cf6314ff55212ff476ca8c4309b606edf07ac8460026476c624c5ee92000259',1);
INSERT INTO "audit" VALUES(40,1800000000000000,'admin','test','m9','operations/op-backup tenants/backup tenants/backup/backups/b7 hosts/h1','OK','','3cf6314ff55212ff476ca8c4309b606edf07ac8460026476c624c5ee92000259','2c8aa9de52b4ab9bc730eb71b9841982ebf3aea987ae0d7d305bb009305df270',1);
INSERT INTO "audit" VALUES(41,1800000000000000,'admin','test','m10','operations/op-verify tenants/verify tenants/verify/backups/b3 hosts/h1','OK','','2c8aa9de52b4ab9bc730eb71b9841982ebf3aea987ae0d7d305bb009305df270','6dd518803fadc9e3b8bc0e07b6c8b279caf0acdffe9e5ba2ff5794a710bd767a',1);
INSERT INTO "audit" VALUES(42,1800000000000000,'admin','test','m11','operations/op-delete tenants/delete tenants/delete/backups/b4 hosts/h1','OK','','6dd518803fadc9e3b8bc0e07b6c8b279caf0acdffe9e5ba2ff5794a710bd767a','0f602782d533feb733421d62fbc65b296790c5c58293caf54365b2d9c8830d9d',1);
CREATE TABLE "backups" (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id <> ''),
  tenant_uid TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  version INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN (
    'CREATING', 'AVAILABLE', 'VERIFIED', 'FAILED', 'DELETING', 'VERIFIED_WITH_NOTES', 'INCOMPLETE', 'DAMAGED')),
  origin TEXT NOT NULL CHECK (origin IN ('MANUAL', 'FINAL', 'SCHEDULED')),
  store TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  generation INTEGER NOT NULL,
  server_version TEXT NOT NULL,
  table_count INTEGER NOT NULL,
  row_count INTEGER NOT NULL,
  verify_time INTEGER,
  wrapped_key BLOB NOT NULL,
  findings TEXT NOT NULL,
  finding_count INTEGER NOT NULL,
  proof_findings TEXT NOT NULL,
  proof_finding_count INTEGER NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "backups" VALUES('backup','b7','uidbackup',1800000000000000,1800000000000000,1,'CREATING','MANUAL','s1',0,'',1,'',0,0,NULL,X'77726170706564','[]',0,'[]',0);
INSERT INTO "backups" VALUES('cleancopy','b5','uidcleancopy',1800000000000000,1800000000000000,2,'AVAILABLE','MANUAL','s1',10,'ab',1,'',0,0,NULL,X'77726170706564','[]',0,'[]',0);
INSERT INTO "backups" VALUES('delete','b4','uiddelete',1800000000000000,1800000000000000,3,'DELETING','MANUAL','s1',10,'ab',1,'',0,0,NULL,X'77726170706564','[]',0,'[]',0);
INSERT INTO "backups" VALUES('purge','b6','uidpurge',1800000000000000,1800000000000000,2,'AVAILABLE','MANUAL','s1',10,'ab',1,'',0,0,NULL,X'77726170706564','[]',0,'[]',0);
INSERT INTO "backups" VALUES('purge','f2','uidpurge',1800000000000000,1800000000000000,3,'VERIFIED','FINAL','s1',10,'ab',2,'',0,0,1800000000000000,X'77726170706564','[]',0,'[]',0);
INSERT INTO "backups" VALUES('restore','b1','uidrestore',1800000000000000,1800000000000000,2,'AVAILABLE','MANUAL','s1',10,'ab',1,'',0,0,NULL,X'77726170706564','[]',0,'[]',0);
INSERT INTO "backups" VALUES('retire','f3','uidretire',1800000000000000,1800000000000000,1,'CREATING','FINAL','s1',0,'',1,'',0,0,NULL,X'77726170706564','[]',0,'[]',0);
INSERT INTO "backups" VALUES('source','b2','uidsource',1800000000000000,1800000000000000,2,'AVAILABLE','MANUAL','s1',10,'ab',1,'',0,0,NULL,X'77726170706564','[]',0,'[]',0);
INSERT INTO "backups" VALUES('undelete','f1','uidundelete',1800000000000000,1800000000000000,3,'VERIFIED','FINAL','s1',10,'ab',1,'',0,0,1800000000000000,X'77726170706564','[]',0,'[]',0);
INSERT INTO "backups" VALUES('verify','b3','uidverify',1800000000000000,1800000000000000,2,'AVAILABLE','MANUAL','s1',10,'ab',1,'',0,0,NULL,X'77726170706564','[]',0,'[]',0);
CREATE TABLE bindings (
  principal TEXT NOT NULL REFERENCES principals (id),
  position INTEGER NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('ADMIN', 'OPERATOR', 'VIEWER', 'CONNECTOR', 'LOCATOR', 'AGENT')),
  scope TEXT NOT NULL CHECK (scope IN ('ALL', 'NAMED', 'LABELLED')),
  scope_contents TEXT NOT NULL,
  PRIMARY KEY (principal, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE credentials (
  tenant TEXT NOT NULL REFERENCES tenants (id),
  position INTEGER NOT NULL,
  login TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('APP', 'READ_ONLY')),
  sealed_password BLOB NOT NULL,
  verifier TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  published INTEGER NOT NULL CHECK (published IN (0, 1)),
  disable_time INTEGER,
  PRIMARY KEY (tenant, position)
) STRICT, WITHOUT ROWID;
INSERT INTO "credentials" VALUES('backup',0,'t_backup_a','APP',X'','v1',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('backup',1,'t_backup_ra','READ_ONLY',X'','v2',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('cleancopy',0,'t_cleancopy_a','APP',X'','v1',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('cleancopy',1,'t_cleancopy_ra','READ_ONLY',X'','v2',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('cleanlogin',0,'t_cleanlogin_a','APP',X'','v1',1800000000000000,0,1800007200000000);
INSERT INTO "credentials" VALUES('cleanlogin',1,'t_cleanlogin_ra','READ_ONLY',X'','v2',1800000000000000,0,1800007200000000);
INSERT INTO "credentials" VALUES('cleanlogin',2,'t_cleanlogin_b','APP',X'','v3',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('cleanlogin',3,'t_cleanlogin_rb','READ_ONLY',X'','v4',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('configure',0,'t_configure_a','APP',X'','v1',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('configure',1,'t_configure_ra','READ_ONLY',X'','v2',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('copy',0,'t_copy_a','APP',X'','v1',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('copy',1,'t_copy_ra','READ_ONLY',X'','v2',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('create',0,'t_create_a','APP',X'','v1',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('create',1,'t_create_ra','READ_ONLY',X'','v2',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('delete',0,'t_delete_a','APP',X'','v1',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('delete',1,'t_delete_ra','READ_ONLY',X'','v2',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('purge',0,'t_purge_a','APP',X'','v1',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('purge',1,'t_purge_ra','READ_ONLY',X'','v2',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('restore',0,'t_restore_a','APP',X'','v1',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('restore',1,'t_restore_ra','READ_ONLY',X'','v2',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('resume',0,'t_resume_a','APP',X'','v1',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('resume',1,'t_resume_ra','READ_ONLY',X'','v2',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('retire',0,'t_retire_a','APP',X'','v1',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('retire',1,'t_retire_ra','READ_ONLY',X'','v2',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('rotate',0,'t_rotate_a','APP',X'','v1',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('rotate',1,'t_rotate_ra','READ_ONLY',X'','v2',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('rotate',2,'t_rotate_b','APP',X'','v3',1800000000000000,0,NULL);
INSERT INTO "credentials" VALUES('rotate',3,'t_rotate_rb','READ_ONLY',X'','v4',1800000000000000,0,NULL);
INSERT INTO "credentials" VALUES('source',0,'t_source_a','APP',X'','v1',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('source',1,'t_source_ra','READ_ONLY',X'','v2',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('suspend',0,'t_suspend_a','APP',X'','v1',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('suspend',1,'t_suspend_ra','READ_ONLY',X'','v2',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('undelete',0,'t_undelete_a','APP',X'','v1',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('undelete',1,'t_undelete_ra','READ_ONLY',X'','v2',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('undoing',0,'t_undoing_a','APP',X'','v1',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('undoing',1,'t_undoing_ra','READ_ONLY',X'','v2',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('verify',0,'t_verify_a','APP',X'','v1',1800000000000000,1,NULL);
INSERT INTO "credentials" VALUES('verify',1,'t_verify_ra','READ_ONLY',X'','v2',1800000000000000,1,NULL);
CREATE TABLE hosts (
  id TEXT NOT NULL CHECK (id <> ''),
  uid TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  version INTEGER NOT NULL,
  labels TEXT NOT NULL,
  limit_databases INTEGER NOT NULL,
  limit_connections INTEGER NOT NULL,
  limit_reserve_bytes INTEGER NOT NULL,
  cordoned INTEGER NOT NULL CHECK (cordoned IN (0, 1)),
  missing INTEGER NOT NULL CHECK (missing IN (0, 1)),
  certificate_fingerprint TEXT NOT NULL,
  previous_fingerprint TEXT NOT NULL,
  join_secret_hash BLOB NOT NULL,
  join_expire_time INTEGER,
  server_names TEXT NOT NULL,
  up INTEGER NOT NULL CHECK (up IN (0, 1)),
  last_seen_time INTEGER,
  agent_version TEXT NOT NULL,
  postgres_up INTEGER NOT NULL CHECK (postgres_up IN (0, 1)),
  postgres_version TEXT NOT NULL,
  system_identifier TEXT NOT NULL,
  timeline INTEGER NOT NULL,
  advertise_endpoints TEXT NOT NULL,
  free_bytes INTEGER NOT NULL,
  stores TEXT NOT NULL,
  tls INTEGER NOT NULL CHECK (tls IN (0, 1)),
  root_certificate TEXT NOT NULL,
  problem TEXT NOT NULL,
  task_kinds TEXT NOT NULL,
  accepted_system_identifier TEXT NOT NULL,
  databases_reserved INTEGER NOT NULL,
  connections_reserved INTEGER NOT NULL, awaited INTEGER NOT NULL DEFAULT 0 CHECK (awaited IN (0, 1)), unconfirmed INTEGER NOT NULL DEFAULT 0 CHECK (unconfirmed IN (0, 1)), free_bytes_unknown INTEGER NOT NULL DEFAULT 0 CHECK (free_bytes_unknown IN (0, 1)), managed INTEGER NOT NULL DEFAULT 0 CHECK (managed IN (0, 1)), max_connections INTEGER NOT NULL DEFAULT 0, missing_rights TEXT NOT NULL DEFAULT '[]',
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
INSERT INTO "hosts" VALUES('h1','uh1',1800000000000000,1800000000000000,26,'{}',500,0,1073741824,0,0,'f-h1','',X'',NULL,'[]',1,1800000000000000,'',1,'15.20','1',0,'["127.0.0.1:7500"]',1099511627776,'["s1"]',0,'','','[]','1',20,857,0,0,0,0,0,'[]');
CREATE TABLE meta (
  singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
  epoch INTEGER NOT NULL CHECK (epoch > 0),
  revision INTEGER NOT NULL CHECK (revision >= 0),
  machine_id TEXT NOT NULL,
  inode INTEGER NOT NULL,
  audit_sequence INTEGER NOT NULL CHECK (audit_sequence >= 0),
  audit_hash TEXT NOT NULL CHECK (length(audit_hash) = 64)
, tenants INTEGER NOT NULL DEFAULT 0 CHECK (tenants >= 0)) STRICT;
INSERT INTO "meta" VALUES(1,1,84,'00000000000000000000000000000000',10961070,42,'0f602782d533feb733421d62fbc65b296790c5c58293caf54365b2d9c8830d9d',17);
CREATE TABLE operations (
  position INTEGER PRIMARY KEY,  -- rises in the order they began
  id TEXT NOT NULL UNIQUE CHECK (id <> ''),
  kind TEXT NOT NULL CHECK (kind IN (
    'CREATE', 'CONFIGURE', 'SUSPEND', 'RESUME', 'RETIRE', 'UNDELETE', 'PURGE', 'RESTORE', 'ROTATE', 'BACK_UP',
    'VERIFY', 'DELETE_BACKUP', 'CLEAN_UP')),
  tenant TEXT NOT NULL,
  source_tenant TEXT NOT NULL,
  backup TEXT NOT NULL,
  caller TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  version INTEGER NOT NULL,
  end_time INTEGER,
  deadline INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('RUNNING', 'UNDOING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
  operation_order INTEGER NOT NULL,
  point_of_no_return INTEGER NOT NULL,
  cancel_requested INTEGER NOT NULL CHECK (cancel_requested IN (0, 1)),
  error_code INTEGER,
  error_reason TEXT,
  error_message TEXT,
  overlap INTEGER NOT NULL,
  waiver TEXT NOT NULL,
  previous_quota_connections INTEGER,
  previous_quota_storage_bytes INTEGER,
  previous_quota_statement_timeout INTEGER,
  previous_state TEXT NOT NULL
    CHECK (previous_state IN ('CREATING', 'READY', 'SUSPENDED', 'RETIRED', 'FAILED', 'PURGED')),
  previous_suspend_mode TEXT NOT NULL CHECK (previous_suspend_mode IN ('NONE', 'BLOCKED', 'READ_ONLY')),
  current_host TEXT NOT NULL  -- of the current step; empty when there is none
, allow_incomplete INTEGER NOT NULL DEFAULT 0 CHECK (allow_incomplete IN (0, 1)), max_duration INTEGER NOT NULL DEFAULT 0, warnings TEXT NOT NULL DEFAULT '[]', warning_count INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "operations" VALUES(1,'op-create-configure','CREATE','configure','','','admin',1800000000000000,1800000000000000,2,1800000000000000,1800003600000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(2,'op-create-suspend','CREATE','suspend','','','admin',1800000000000000,1800000000000000,2,1800000000000000,1800003600000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(3,'op-create-resume','CREATE','resume','','','admin',1800000000000000,1800000000000000,2,1800000000000000,1800003600000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(4,'op-create-retire','CREATE','retire','','','admin',1800000000000000,1800000000000000,2,1800000000000000,1800003600000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(5,'op-create-undelete','CREATE','undelete','','','admin',1800000000000000,1800000000000000,2,1800000000000000,1800003600000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(6,'op-create-purge','CREATE','purge','','','admin',1800000000000000,1800000000000000,2,1800000000000000,1800003600000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(7,'op-create-restore','CREATE','restore','','','admin',1800000000000000,1800000000000000,2,1800000000000000,1800003600000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(8,'op-create-source','CREATE','source','','','admin',1800000000000000,1800000000000000,2,1800000000000000,1800003600000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(9,'op-create-rotate','CREATE','rotate','','','admin',1800000000000000,1800000000000000,2,1800000000000000,1800003600000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(10,'op-create-backup','CREATE','backup','','','admin',1800000000000000,1800000000000000,2,1800000000000000,1800003600000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(11,'op-create-verify','CREATE','verify','','','admin',1800000000000000,1800000000000000,2,1800000000000000,1800003600000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(12,'op-create-delete','CREATE','delete','','','admin',1800000000000000,1800000000000000,2,1800000000000000,1800003600000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(13,'op-create-cleancopy','CREATE','cleancopy','','','admin',1800000000000000,1800000000000000,2,1800000000000000,1800003600000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(14,'op-create-cleanlogin','CREATE','cleanlogin','','','admin',1800000000000000,1800000000000000,2,1800000000000000,1800003600000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(15,'op-backup-b1','BACK_UP','restore','','b1','admin',1800000000000000,1800000000000000,2,1800000000000000,1800086400000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'READY','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(16,'op-backup-b2','BACK_UP','source','','b2','admin',1800000000000000,1800000000000000,2,1800000000000000,1800086400000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'READY','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(17,'op-backup-b3','BACK_UP','verify','','b3','admin',1800000000000000,1800000000000000,2,1800000000000000,1800086400000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'READY','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(18,'op-backup-b4','BACK_UP','delete','','b4','admin',1800000000000000,1800000000000000,2,1800000000000000,1800086400000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'READY','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(19,'op-backup-b5','BACK_UP','cleancopy','','b5','admin',1800000000000000,1800000000000000,2,1800000000000000,1800086400000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'READY','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(20,'op-backup-b6','BACK_UP','purge','','b6','admin',1800000000000000,1800000000000000,2,1800000000000000,1800086400000000,'SUCCEEDED',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'READY','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(21,'op-cleancopy','RESTORE','cleancopy','','b5','admin',1800000000000000,1800000000000000,4,1800000000000000,1800086400000000,'SUCCEEDED',2,3,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'READY','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(22,'op-cleancopy-clean','CLEAN_UP','cleancopy','','','croft',1800000000000000,1800000000000000,1,NULL,2115360000000000,'RUNNING',2,0,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','h1',0,0,'[]',0);
INSERT INTO "operations" VALUES(23,'op-cleanlogin','ROTATE','cleanlogin','','','admin',1800000000000000,1800000000000000,3,1800000000000000,1800003600000000,'SUCCEEDED',2,2,0,NULL,NULL,NULL,7200000000000,'',NULL,NULL,NULL,'READY','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(24,'op-cleanlogin-clean','CLEAN_UP','cleanlogin','','','croft',1800000000000000,1800000000000000,1,NULL,2115360000000000,'RUNNING',2,0,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','h1',0,0,'[]',0);
INSERT INTO "operations" VALUES(25,'op-purgecopy','RESTORE','purge','','b6','admin',1800000000000000,1800000000000000,4,1800000000000000,1800086400000000,'SUCCEEDED',2,3,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'READY','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(26,'op-purgecopy-clean','CLEAN_UP','purge','','','croft',1800000000000000,1800000000000000,2,1800000000000000,2115360000000000,'CANCELLED',2,0,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(27,'op-s1','SUSPEND','resume','','','admin',1800000000000000,1800000000000000,3,1800000000000000,1800003600000000,'SUCCEEDED',2,2,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'READY','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(28,'op-retire-f1','RETIRE','undelete','','f1','admin',1800000000000000,1800000000000000,4,1800000000000000,1800604800000000,'SUCCEEDED',2,0,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'READY','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(29,'op-retire-f2','RETIRE','purge','','f2','admin',1800000000000000,1800000000000000,4,1800000000000000,1800604800000000,'SUCCEEDED',3,0,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'READY','NONE','',0,0,'[]',0);
INSERT INTO "operations" VALUES(30,'op-create-create','CREATE','create','','','admin',1800000000000000,1800000000000000,1,NULL,1800003600000000,'RUNNING',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','h1',0,0,'[]',0);
INSERT INTO "operations" VALUES(31,'op-create-undoing','CREATE','undoing','','','admin',1800000000000000,1800000000000000,2,NULL,1800003600000000,'UNDOING',1,1,0,10,'EXTENSION_NOT_AVAILABLE','it did not work',0,'',NULL,NULL,NULL,'CREATING','NONE','h1',0,0,'[]',0);
INSERT INTO "operations" VALUES(32,'op-configure','CONFIGURE','configure','','','admin',1800000000000000,1800000000000000,1,NULL,1800003600000000,'RUNNING',2,1,0,NULL,NULL,NULL,0,'',50,0,0,'READY','NONE','h1',0,0,'[]',0);
INSERT INTO "operations" VALUES(33,'op-suspend','SUSPEND','suspend','','','admin',1800000000000000,1800000000000000,2,NULL,1800003600000000,'RUNNING',2,2,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'READY','NONE','h1',0,0,'[]',0);
INSERT INTO "operations" VALUES(34,'op-resume','RESUME','resume','','','admin',1800000000000000,1800000000000000,1,NULL,1800003600000000,'RUNNING',3,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'SUSPENDED','READ_ONLY','h1',0,0,'[]',0);
INSERT INTO "operations" VALUES(35,'op-retire-f3','RETIRE','retire','','f3','admin',1800000000000000,1800000000000000,2,NULL,1800604800000000,'RUNNING',2,0,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'READY','NONE','h1',0,0,'[]',0);
INSERT INTO "operations" VALUES(36,'op-undelete','UNDELETE','undelete','','','admin',1800000000000000,1800000000000000,1,NULL,1800003600000000,'RUNNING',3,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'RETIRED','NONE','h1',0,0,'[]',0);
INSERT INTO "operations" VALUES(37,'op-purge','PURGE','purge','','','admin',1800000000000000,1800000000000000,1,NULL,1800604800000000,'RUNNING',4,0,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'RETIRED','NONE','h1',0,0,'[]',0);
INSERT INTO "operations" VALUES(38,'op-restore','RESTORE','restore','','b1','admin',1800000000000000,1800000000000000,2,NULL,1800086400000000,'RUNNING',2,3,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'READY','NONE','h1',0,0,'[]',0);
INSERT INTO "operations" VALUES(39,'op-copy','RESTORE','copy','source','b2','admin',1800000000000000,1800000000000000,1,NULL,1800086400000000,'RUNNING',1,2,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'CREATING','NONE','h1',0,0,'[]',0);
INSERT INTO "operations" VALUES(40,'op-rotate','ROTATE','rotate','','','admin',1800000000000000,1800000000000000,2,NULL,1800003600000000,'RUNNING',2,2,0,NULL,NULL,NULL,300000000000,'',NULL,NULL,NULL,'READY','NONE','h1',0,0,'[]',0);
INSERT INTO "operations" VALUES(41,'op-backup','BACK_UP','backup','','b7','admin',1800000000000000,1800000000000000,1,NULL,1800086400000000,'RUNNING',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'READY','NONE','h1',0,7200000000000,'[]',0);
INSERT INTO "operations" VALUES(42,'op-verify','VERIFY','verify','','b3','admin',1800000000000000,1800000000000000,1,NULL,1800086400000000,'RUNNING',1,1,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'READY','NONE','h1',0,0,'[]',0);
INSERT INTO "operations" VALUES(43,'op-delete','DELETE_BACKUP','delete','','b4','admin',1800000000000000,1800000000000000,1,NULL,1800086400000000,'RUNNING',1,0,0,NULL,NULL,NULL,0,'',NULL,NULL,NULL,'READY','NONE','h1',0,0,'[]',0);
CREATE TABLE principal_certificates (
  principal TEXT NOT NULL REFERENCES principals (id),
  position INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  expire_time INTEGER,
  PRIMARY KEY (principal, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE principals (
  id TEXT NOT NULL CHECK (id <> ''),
  uid TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  version INTEGER NOT NULL,
  display_name TEXT NOT NULL,
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE TABLE requests (
  caller TEXT NOT NULL,
  request_id TEXT NOT NULL,
  method TEXT NOT NULL,
  payload_hash BLOB NOT NULL,
  answer TEXT NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (caller, request_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE steps (
  operation INTEGER NOT NULL REFERENCES operations (position),
  number INTEGER NOT NULL,
  task TEXT NOT NULL CHECK (task IN (
    'CREATE', 'CONFIGURE', 'FENCE', 'UNFENCE', 'DROP', 'BACK_UP', 'VERIFY', 'RESTORE', 'ROTATE', 'DELETE_BACKUP',
    'ERASE_KEY')),
  host TEXT NOT NULL,
  landing TEXT NOT NULL CHECK (landing IN (
    'NONE', 'TENANT_READY', 'TENANT_RESUMED', 'TENANT_UNDELETED', 'TENANT_FENCED', 'PLACEMENT_MOVED',
    'CREDENTIALS_PUBLISHED', 'LOGIN_DISABLED', 'BACKUP_AVAILABLE', 'BACKUP_VERIFIED', 'BACKUP_DELETED',
    'COPY_DROPPED', 'TENANT_ERASED')),
  undo INTEGER NOT NULL CHECK (undo IN (0, 1)),
  generation INTEGER NOT NULL,
  database_name TEXT NOT NULL,
  backup TEXT NOT NULL,
  backup_tenant TEXT NOT NULL,
  logins TEXT NOT NULL,
  flag INTEGER NOT NULL CHECK (flag IN (0, 1)),
  databases TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('PENDING', 'DISPATCHED', 'DONE', 'FAILED')),
  attempt INTEGER NOT NULL,
  not_before INTEGER,
  start_time INTEGER,
  end_time INTEGER,
  message TEXT NOT NULL, refusals INTEGER NOT NULL DEFAULT 0, refusal_reason TEXT NOT NULL DEFAULT '', same_refusals INTEGER NOT NULL DEFAULT 0, short_since INTEGER,
  PRIMARY KEY (operation, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "steps" VALUES(1,0,'CREATE','h1','TENANT_READY',0,1,'t_configure_g1','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(2,0,'CREATE','h1','TENANT_READY',0,1,'t_suspend_g1','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(3,0,'CREATE','h1','TENANT_READY',0,1,'t_resume_g1','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(4,0,'CREATE','h1','TENANT_READY',0,1,'t_retire_g1','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(5,0,'CREATE','h1','TENANT_READY',0,1,'t_undelete_g1','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(6,0,'CREATE','h1','TENANT_READY',0,1,'t_purge_g1','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(7,0,'CREATE','h1','TENANT_READY',0,1,'t_restore_g1','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(8,0,'CREATE','h1','TENANT_READY',0,1,'t_source_g1','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(9,0,'CREATE','h1','TENANT_READY',0,1,'t_rotate_g1','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(10,0,'CREATE','h1','TENANT_READY',0,1,'t_backup_g1','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(11,0,'CREATE','h1','TENANT_READY',0,1,'t_verify_g1','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(12,0,'CREATE','h1','TENANT_READY',0,1,'t_delete_g1','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(13,0,'CREATE','h1','TENANT_READY',0,1,'t_cleancopy_g1','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(14,0,'CREATE','h1','TENANT_READY',0,1,'t_cleanlogin_g1','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(15,0,'BACK_UP','h1','BACKUP_AVAILABLE',0,1,'t_restore_g1','b1','restore','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(16,0,'BACK_UP','h1','BACKUP_AVAILABLE',0,1,'t_source_g1','b2','source','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(17,0,'BACK_UP','h1','BACKUP_AVAILABLE',0,1,'t_verify_g1','b3','verify','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(18,0,'BACK_UP','h1','BACKUP_AVAILABLE',0,1,'t_delete_g1','b4','delete','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(19,0,'BACK_UP','h1','BACKUP_AVAILABLE',0,1,'t_cleancopy_g1','b5','cleancopy','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(20,0,'BACK_UP','h1','BACKUP_AVAILABLE',0,1,'t_purge_g1','b6','purge','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(21,0,'RESTORE','h1','NONE',0,2,'t_cleancopy_g2','b5','cleancopy','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(21,1,'FENCE','h1','NONE',0,1,'t_cleancopy_g1','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(21,2,'UNFENCE','h1','PLACEMENT_MOVED',0,2,'t_cleancopy_g2','','','["t_cleancopy_a","t_cleancopy_ra"]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(22,0,'DROP','h1','COPY_DROPPED',0,2,'t_cleancopy_g1','','','[]',0,'["t_cleancopy_g1"]','PENDING',0,1800086400000000,NULL,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(23,0,'ROTATE','h1','NONE',0,1,'t_cleanlogin_g1','','','["t_cleanlogin_b"]',1,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(23,1,'ROTATE','h1','CREDENTIALS_PUBLISHED',0,1,'t_cleanlogin_g1','','','["t_cleanlogin_rb"]',1,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(24,0,'ROTATE','h1','LOGIN_DISABLED',0,1,'t_cleanlogin_g1','','','["t_cleanlogin_a"]',0,'[]','PENDING',0,1800007200000000,NULL,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(24,1,'ROTATE','h1','LOGIN_DISABLED',0,1,'t_cleanlogin_g1','','','["t_cleanlogin_ra"]',0,'[]','PENDING',0,1800007200000000,NULL,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(25,0,'RESTORE','h1','NONE',0,2,'t_purge_g2','b6','purge','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(25,1,'FENCE','h1','NONE',0,1,'t_purge_g1','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(25,2,'UNFENCE','h1','PLACEMENT_MOVED',0,2,'t_purge_g2','','','["t_purge_a","t_purge_ra"]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(26,0,'DROP','h1','COPY_DROPPED',0,2,'t_purge_g1','','','[]',0,'["t_purge_g1"]','PENDING',0,1800086400000000,NULL,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(27,0,'FENCE','h1','NONE',0,1,'t_resume_g1','','','[]',1,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(27,1,'UNFENCE','h1','NONE',0,1,'t_resume_g1','','','["t_resume_ra"]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(28,0,'FENCE','h1','TENANT_FENCED',0,1,'t_undelete_g1','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(28,1,'BACK_UP','h1','BACKUP_AVAILABLE',0,1,'t_undelete_g1','f1','undelete','[]',1,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(28,2,'VERIFY','h1','BACKUP_VERIFIED',0,1,'t_undelete_g1','f1','undelete','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(29,0,'FENCE','h1','TENANT_FENCED',0,2,'t_purge_g2','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(29,1,'BACK_UP','h1','BACKUP_AVAILABLE',0,2,'t_purge_g2','f2','purge','[]',1,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(29,2,'VERIFY','h1','BACKUP_VERIFIED',0,2,'t_purge_g2','f2','purge','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(30,0,'CREATE','h1','TENANT_READY',0,1,'t_create_g1','','','[]',0,'[]','DISPATCHED',1,NULL,1800000000000000,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(31,0,'CREATE','h1','TENANT_READY',0,1,'t_undoing_g1','','','[]',0,'[]','FAILED',1,NULL,1800000000000000,1800000000000000,'it did not work',1,'EXTENSION_NOT_AVAILABLE',1,NULL);
INSERT INTO "steps" VALUES(31,1,'DROP','h1','NONE',1,1,'t_undoing_g1','','','[]',1,'["t_undoing_g1"]','DISPATCHED',1,NULL,1800000000000000,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(32,0,'CONFIGURE','h1','NONE',0,1,'t_configure_g1','','','[]',0,'[]','DISPATCHED',1,NULL,1800000000000000,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(33,0,'FENCE','h1','NONE',0,1,'t_suspend_g1','','','[]',1,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(33,1,'UNFENCE','h1','NONE',0,1,'t_suspend_g1','','','["t_suspend_ra"]',0,'[]','DISPATCHED',1,NULL,1800000000000000,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(34,0,'UNFENCE','h1','TENANT_RESUMED',0,1,'t_resume_g1','','','["t_resume_a","t_resume_ra"]',0,'[]','DISPATCHED',1,NULL,1800000000000000,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(35,0,'FENCE','h1','TENANT_FENCED',0,1,'t_retire_g1','','','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(35,1,'BACK_UP','h1','BACKUP_AVAILABLE',0,1,'t_retire_g1','f3','retire','[]',1,'[]','DISPATCHED',1,NULL,1800000000000000,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(35,2,'VERIFY','h1','BACKUP_VERIFIED',0,1,'t_retire_g1','f3','retire','[]',0,'[]','PENDING',0,NULL,NULL,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(36,0,'UNFENCE','h1','TENANT_UNDELETED',0,1,'t_undelete_g1','','','["t_undelete_a","t_undelete_ra"]',0,'[]','DISPATCHED',1,NULL,1800000000000000,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(37,0,'DROP','h1','NONE',0,2,'t_purge_g2','','','[]',1,'["t_purge_g1","t_purge_g2"]','DISPATCHED',1,NULL,1800000000000000,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(37,1,'DELETE_BACKUP','h1','NONE',0,0,'','f2','purge','[]',1,'[]','PENDING',0,NULL,NULL,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(37,2,'ERASE_KEY','','TENANT_ERASED',0,0,'','','','[]',0,'[]','PENDING',0,NULL,NULL,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(38,0,'RESTORE','h1','NONE',0,2,'t_restore_g2','b1','restore','[]',0,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(38,1,'FENCE','h1','NONE',0,1,'t_restore_g1','','','[]',0,'[]','DISPATCHED',1,NULL,1800000000000000,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(38,2,'UNFENCE','h1','PLACEMENT_MOVED',0,2,'t_restore_g2','','','["t_restore_a","t_restore_ra"]',0,'[]','PENDING',0,NULL,NULL,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(39,0,'RESTORE','h1','NONE',0,1,'t_copy_g1','b2','source','[]',0,'[]','DISPATCHED',1,NULL,1800000000000000,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(39,1,'UNFENCE','h1','TENANT_READY',0,1,'t_copy_g1','','','["t_copy_a","t_copy_ra"]',0,'[]','PENDING',0,NULL,NULL,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(40,0,'ROTATE','h1','NONE',0,1,'t_rotate_g1','','','["t_rotate_b"]',1,'[]','DONE',1,NULL,1800000000000000,1800000000000000,'done',0,'',0,NULL);
INSERT INTO "steps" VALUES(40,1,'ROTATE','h1','CREDENTIALS_PUBLISHED',0,1,'t_rotate_g1','','','["t_rotate_rb"]',1,'[]','DISPATCHED',1,NULL,1800000000000000,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(41,0,'BACK_UP','h1','BACKUP_AVAILABLE',0,1,'t_backup_g1','b7','backup','[]',0,'[]','DISPATCHED',1,NULL,1800000000000000,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(42,0,'VERIFY','h1','BACKUP_VERIFIED',0,0,'','b3','verify','[]',0,'[]','DISPATCHED',1,NULL,1800000000000000,NULL,'',0,'',0,NULL);
INSERT INTO "steps" VALUES(43,0,'DELETE_BACKUP','h1','BACKUP_DELETED',0,0,'','b4','delete','[]',1,'[]','DISPATCHED',1,NULL,1800000000000000,NULL,'',0,'',0,NULL);
CREATE TABLE tenant_labels (
  key TEXT NOT NULL,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  value TEXT NOT NULL,
  PRIMARY KEY (key, tenant)
) STRICT, WITHOUT ROWID;
CREATE TABLE tenants (
  id TEXT NOT NULL CHECK (id <> ''),
  uid TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  version INTEGER NOT NULL,
  delete_time INTEGER,
  purge_time INTEGER,
  expire_time INTEGER,
  display_name TEXT NOT NULL,
  aliases TEXT NOT NULL,
  labels TEXT NOT NULL,
  extensions TEXT NOT NULL,
  locale TEXT NOT NULL,
  settings TEXT NOT NULL,
  features TEXT NOT NULL,
  quota_connections INTEGER NOT NULL,
  quota_storage_bytes INTEGER NOT NULL,
  quota_statement_timeout INTEGER NOT NULL,
  backups_kept INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('CREATING', 'READY', 'SUSPENDED', 'RETIRED', 'FAILED', 'PURGED')),
  suspend_mode TEXT NOT NULL CHECK (suspend_mode IN ('NONE', 'BLOCKED', 'READ_ONLY')),
  state_before_retire TEXT NOT NULL
    CHECK (state_before_retire IN ('CREATING', 'READY', 'SUSPENDED', 'RETIRED', 'FAILED', 'PURGED')),
  host TEXT NOT NULL,
  database_name TEXT NOT NULL,
  generation INTEGER NOT NULL,
  owner_role TEXT NOT NULL,
  reader_role TEXT NOT NULL,
  operation_order INTEGER NOT NULL,
  last_generation INTEGER NOT NULL,
  fence_time INTEGER,
  last_backup TEXT NOT NULL,
  current_operation TEXT NOT NULL,
  create_operation TEXT NOT NULL,
  due_time INTEGER, unconfirmed INTEGER NOT NULL DEFAULT 0 CHECK (unconfirmed IN (0, 1)), delete_protection INTEGER NOT NULL DEFAULT 0 CHECK (delete_protection IN (0, 1)), final_backup_failure TEXT NOT NULL DEFAULT '', purge_parked INTEGER NOT NULL DEFAULT 0 CHECK (purge_parked IN (0, 1)),  -- of what is coming and nothing works on yet
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
INSERT INTO "tenants" VALUES('backup','uidbackup',1800000000000000,1800000000000000,2,NULL,NULL,NULL,'','[]','{}','[]','','','',50,0,0,0,'READY','NONE','READY','h1','t_backup_g1',1,'t_backup','t_backup_r',1,1,NULL,'','','op-create-backup',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('cleancopy','uidcleancopy',1800000000000000,1800000000000000,5,NULL,NULL,NULL,'','[]','{}','[]','','','',50,0,0,0,'READY','NONE','READY','h1','t_cleancopy_g2',2,'t_cleancopy','t_cleancopy_r',2,2,NULL,'b5','','op-create-cleancopy',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('cleanlogin','uidcleanlogin',1800000000000000,1800000000000000,4,NULL,NULL,NULL,'','[]','{}','[]','','','',50,0,0,0,'READY','NONE','READY','h1','t_cleanlogin_g1',1,'t_cleanlogin','t_cleanlogin_r',2,1,NULL,'','','op-create-cleanlogin',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('configure','uidconfigure',1800000000000000,1800000000000000,3,NULL,NULL,NULL,'','[]','{}','[]','','','',7,0,0,0,'READY','NONE','READY','h1','t_configure_g1',1,'t_configure','t_configure_r',2,1,NULL,'','op-configure','op-create-configure',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('copy','uidcopy',1800000000000000,1800000000000000,1,NULL,NULL,NULL,'','[]','{}','[]','','','',50,0,0,0,'CREATING','NONE','READY','h1','t_copy_g1',1,'t_copy','t_copy_r',1,1,NULL,'','op-copy','op-copy',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('create','uidcreate',1800000000000000,1800000000000000,1,NULL,NULL,NULL,'','[]','{}','[]','','','',50,0,0,0,'CREATING','NONE','READY','h1','t_create_g1',1,'t_create','t_create_r',1,1,NULL,'','op-create-create','op-create-create',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('delete','uiddelete',1800000000000000,1800000000000000,3,NULL,NULL,NULL,'','[]','{}','[]','','','',50,0,0,0,'READY','NONE','READY','h1','t_delete_g1',1,'t_delete','t_delete_r',1,1,NULL,'b4','','op-create-delete',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('purge','uidpurge',1800000000000000,1800000000000000,10,1800000000000000,1800604800000000,NULL,'','[]','{}','[]','','','',50,0,0,0,'RETIRED','NONE','READY','h1','t_purge_g2',2,'t_purge','t_purge_r',4,2,1800000000000000,'f2','op-purge','op-create-purge',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('restore','uidrestore',1800000000000000,1800000000000000,4,NULL,NULL,NULL,'','[]','{}','[]','','','',50,0,0,0,'READY','NONE','READY','h1','t_restore_g1',1,'t_restore','t_restore_r',2,2,NULL,'b1','op-restore','op-create-restore',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('resume','uidresume',1800000000000000,1800000000000000,5,NULL,NULL,NULL,'','[]','{}','[]','','','',50,0,0,0,'SUSPENDED','READ_ONLY','READY','h1','t_resume_g1',1,'t_resume','t_resume_r',3,1,NULL,'','op-resume','op-create-resume',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('retire','uidretire',1800000000000000,1800000000000000,4,1800000000000000,1800604800000000,NULL,'','[]','{}','[]','','','',50,0,0,0,'RETIRED','NONE','READY','h1','t_retire_g1',1,'t_retire','t_retire_r',2,1,1800000000000000,'','op-retire-f3','op-create-retire',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('rotate','uidrotate',1800000000000000,1800000000000000,3,NULL,NULL,NULL,'','[]','{}','[]','','','',50,0,0,0,'READY','NONE','READY','h1','t_rotate_g1',1,'t_rotate','t_rotate_r',2,1,NULL,'','op-rotate','op-create-rotate',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('source','uidsource',1800000000000000,1800000000000000,3,NULL,NULL,NULL,'','[]','{}','[]','','','',50,0,0,0,'READY','NONE','READY','h1','t_source_g1',1,'t_source','t_source_r',1,1,NULL,'b2','','op-create-source',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('suspend','uidsuspend',1800000000000000,1800000000000000,3,NULL,NULL,NULL,'','[]','{}','[]','','','',50,0,0,0,'SUSPENDED','READ_ONLY','READY','h1','t_suspend_g1',1,'t_suspend','t_suspend_r',2,1,NULL,'','op-suspend','op-create-suspend',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('undelete','uidundelete',1800000000000000,1800000000000000,7,1800000000000000,1800604800000000,NULL,'','[]','{}','[]','','','',50,0,0,0,'RETIRED','NONE','READY','h1','t_undelete_g1',1,'t_undelete','t_undelete_r',3,1,NULL,'f1','op-undelete','op-create-undelete',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('undoing','uidundoing',1800000000000000,1800000000000000,1,NULL,NULL,NULL,'','[]','{}','[]','','','',50,0,0,0,'CREATING','NONE','READY','h1','t_undoing_g1',1,'t_undoing','t_undoing_r',1,1,NULL,'','op-create-undoing','op-create-undoing',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('verify','uidverify',1800000000000000,1800000000000000,3,NULL,NULL,NULL,'','[]','{}','[]','','','',50,0,0,0,'READY','NONE','READY','h1','t_verify_g1',1,'t_verify','t_verify_r',1,1,NULL,'b3','','op-create-verify',NULL,0,0,'',0);
CREATE TABLE tokens (
  principal TEXT NOT NULL REFERENCES principals (id),
  position INTEGER NOT NULL,
  id TEXT NOT NULL,
  hash TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  expire_time INTEGER,
  last_used_time INTEGER,
  PRIMARY KEY (principal, position)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tenants_by_uid ON tenants (uid);
CREATE INDEX tenants_by_create_time ON tenants (create_time, id);
CREATE INDEX tenants_by_state ON tenants (state, id, host);
CREATE INDEX tenants_by_host ON tenants (host, id, state) WHERE state <> 'PURGED';
CREATE INDEX tenants_present ON tenants (id, state, host) WHERE state <> 'PURGED';
CREATE INDEX tenants_live ON tenants (id, state, host) WHERE state NOT IN ('PURGED', 'RETIRED');
CREATE INDEX tenants_due ON tenants (due_time, id) WHERE due_time IS NOT NULL;
CREATE INDEX tenant_labels_by_value ON tenant_labels (key, value, tenant);
CREATE INDEX operations_by_tenant ON operations (tenant, position);
CREATE INDEX operations_by_kind ON operations (kind, position);
CREATE INDEX operations_by_state ON operations (state, position);
CREATE INDEX operations_running ON operations (tenant) WHERE state IN ('RUNNING', 'UNDOING');
CREATE INDEX operations_running_by_source ON operations (source_tenant)
  WHERE state IN ('RUNNING', 'UNDOING') AND source_tenant <> '';
CREATE INDEX operations_running_by_host ON operations (current_host) WHERE state IN ('RUNNING', 'UNDOING');
CREATE INDEX requests_by_time ON requests (time);
CREATE UNIQUE INDEX tokens_by_hash ON tokens (hash);
CREATE INDEX tokens_by_id ON tokens (principal, id);
CREATE UNIQUE INDEX principal_certificates_by_fingerprint ON principal_certificates (fingerprint);
CREATE INDEX tenants_unconfirmed ON tenants (id) WHERE unconfirmed;
CREATE INDEX backups_by_id ON backups (id, tenant);
PRAGMA application_id = 1131573059;
PRAGMA user_version = 6;
