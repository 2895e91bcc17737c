PRAGMA application_id = 1131573059;
PRAGMA user_version = 7;
BEGIN TRANSACTION;
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
INSERT INTO "audit" VALUES(1,1796036671339035,'admin','ipv4:127.0.0.1:47580','HostService/CreateJoinToken','hosts/h1','OK','0d56e06e-4a75-4334-bc0d-fdf994361f19','0000000000000000000000000000000000000000000000000000000000000000','23d210a1fbc2cc2fbb691ac4376c880fe9aa92e3b4ebc826f17ece026d604973',1);
INSERT INTO "audit" VALUES(2,1796036676719148,'admin','ipv4:127.0.0.1:47596','HostService/CreateJoinToken','hosts/h2','OK','a080d3bb-c809-432c-93e4-5446291930c5','23d210a1fbc2cc2fbb691ac4376c880fe9aa92e3b4ebc826f17ece026d604973','2a8b1b7ef05f7691e0f5a40d83dc1d02df94fc9a84a2d0a9177c791df3cb8279',1);
INSERT INTO "audit" VALUES(3,1796036679032969,'hosts/h1','ipv4:127.0.0.1:47626','AgentService/Join','hosts/h1','OK','','2a8b1b7ef05f7691e0f5a40d83dc1d02df94fc9a84a2d0a9177c791df3cb8279','15a826973c02c351bb1c5f2d2b6979e96235f782c2480638e991e9da708764ce',1);
INSERT INTO "audit" VALUES(4,1796036681945024,'hosts/h2','ipv4:127.0.0.1:33072','AgentService/Join','hosts/h2','OK','','15a826973c02c351bb1c5f2d2b6979e96235f782c2480638e991e9da708764ce','cdff270efd10ed573756faf79d5117b69192f0a085f69f70bc644731accd5079',1);
INSERT INTO "audit" VALUES(5,1796036781089432,'admin','ipv4:127.0.0.1:54184','HostService/UpdateHost','hosts/h1','OK','','cdff270efd10ed573756faf79d5117b69192f0a085f69f70bc644731accd5079','9b480bc8f6f17c61e373e778655a487e0e8c4f5e3ee3c1f421e86dbdd9c368b3',1);
INSERT INTO "audit" VALUES(6,1796036781834080,'admin','ipv4:127.0.0.1:54184','TenantService/CreateTenant','operations/op-bgwcv4e7xasbt6zk tenants/acme hosts/h1','OK','','9b480bc8f6f17c61e373e778655a487e0e8c4f5e3ee3c1f421e86dbdd9c368b3','1c130562a2291873cf17b6dae64fa8bc1764f9ca7aa97436d79341033bb765c3',1);
INSERT INTO "audit" VALUES(7,1796036801973634,'admin','ipv4:127.0.0.1:54184','HostService/UpdateHost','hosts/h2','OK','','1c130562a2291873cf17b6dae64fa8bc1764f9ca7aa97436d79341033bb765c3','663ea1cb48fa01b828bd8f47caafa50d67c62f86420e7f405d2f780be5f91d88',1);
INSERT INTO "audit" VALUES(8,1796036802537196,'admin','ipv4:127.0.0.1:54184','TenantService/CreateTenant','operations/op-7aztzfvsap5rvexd tenants/globex hosts/h2','OK','','663ea1cb48fa01b828bd8f47caafa50d67c62f86420e7f405d2f780be5f91d88','b6035a025a7e3311adec0dcbf5f47fb8e10bd435eca12f7332867a6ed1b6b74f',1);
INSERT INTO "audit" VALUES(9,1796036821884034,'admin','ipv4:127.0.0.1:54184','HostService/UpdateHost','hosts/h1','OK','','b6035a025a7e3311adec0dcbf5f47fb8e10bd435eca12f7332867a6ed1b6b74f','3ff3e3683c4c405d3d14242bbe99d473071fc69fc5f563703b0bd42e368f0126',1);
INSERT INTO "audit" VALUES(10,1796036822264025,'admin','ipv4:127.0.0.1:54184','TenantService/CreateTenant','operations/op-ppn3mmg5yhaf6hr2 tenants/initech hosts/h1','OK','','3ff3e3683c4c405d3d14242bbe99d473071fc69fc5f563703b0bd42e368f0126','dd628103dab8369195134b7dd09f6a788793a4191767b3f949ec23da7cd88493',1);
INSERT INTO "audit" VALUES(11,1796036837097074,'admin','ipv4:127.0.0.1:54184','HostService/UpdateHost','hosts/h2','OK','','dd628103dab8369195134b7dd09f6a788793a4191767b3f949ec23da7cd88493','4468e711f5ff0e83a04615743022ff38a30e9d4ad175cb82853bc4a12fa54930',1);
INSERT INTO "audit" VALUES(12,1796036837753209,'admin','ipv4:127.0.0.1:54184','TenantService/CreateTenant','operations/op-2zzebwkbfuriqnmb tenants/hooli hosts/h2','OK','','4468e711f5ff0e83a04615743022ff38a30e9d4ad175cb82853bc4a12fa54930','2875891b40892a05140ac73d5cdbd6add89940065c319b9e442607519b3ab009',1);
INSERT INTO "audit" VALUES(13,1796036857555686,'admin','ipv4:127.0.0.1:54184','LookupService/Lookup','tenants/acme','OK','','2875891b40892a05140ac73d5cdbd6add89940065c319b9e442607519b3ab009','3d7cd0668732598206a74939caae4c86a8b9a0862b81fef95cc597d5c8bf5f9c',1);
INSERT INTO "audit" VALUES(14,1796036863952454,'admin','ipv4:127.0.0.1:54184','BackupService/CreateBackup','operations/op-aqd4icjgxby7nglm tenants/acme tenants/acme/backups/20261130t110743z-fh6k hosts/h1','OK','','3d7cd0668732598206a74939caae4c86a8b9a0862b81fef95cc597d5c8bf5f9c','2fbf2cbe1dbf12017e2d2818f2bfb53634f0c5f7171c19266df9c7ccfdc45027',1);
INSERT INTO "audit" VALUES(15,1796036881273007,'admin','ipv4:127.0.0.1:54184','BackupService/VerifyBackup','operations/op-44idamn6nnjvhub4 tenants/acme tenants/acme/backups/20261130t110743z-fh6k hosts/h1','OK','','2fbf2cbe1dbf12017e2d2818f2bfb53634f0c5f7171c19266df9c7ccfdc45027','174a7c8618f87a7a1bfbe0d0e3cab3cb99f4747ebb2bd4273bb82394ef807193',1);
INSERT INTO "audit" VALUES(16,1796036923387170,'admin','ipv4:127.0.0.1:54184','TenantService/RotateCredentials','operations/op-f5ea6wbv773fbbsd tenants/acme hosts/h1','OK','','174a7c8618f87a7a1bfbe0d0e3cab3cb99f4747ebb2bd4273bb82394ef807193','20b658e72ee4cea00dbe67a99356d4bab6dca91e8e8168c8e96e0600deade66c',1);
INSERT INTO "audit" VALUES(17,1796036932169347,'admin','ipv4:127.0.0.1:54184','TenantService/SuspendTenant','operations/op-53l7nrlxlozopevm tenants/globex hosts/h2','OK','','20b658e72ee4cea00dbe67a99356d4bab6dca91e8e8168c8e96e0600deade66c','8610795ea6bfc92887e7fe87d3b6ffd592ea28f97a4e12fe60dda49315047089',1);
INSERT INTO "audit" VALUES(18,1796036933898904,'admin','ipv4:127.0.0.1:54184','TenantService/RetireTenant','operations/op-cwe5g2sn5jj3o6ha tenants/initech tenants/initech/backups/20261130t110853z-jz6v hosts/h1','OK','','8610795ea6bfc92887e7fe87d3b6ffd592ea28f97a4e12fe60dda49315047089','a3b11b6f45d24ae1d6220d032a2215feeeecfade1a764643a567e630195e751b',1);
INSERT INTO "audit" VALUES(19,1796036983525662,'admin','ipv4:127.0.0.1:54184','TenantService/RetireTenant','operations/op-h6eppahuj4iu7n5e tenants/hooli tenants/hooli/backups/20261130t110943z-sl6h hosts/h2','OK','','a3b11b6f45d24ae1d6220d032a2215feeeecfade1a764643a567e630195e751b','a63aebbcc4ea92e6650af591347a8c8baed4f4e6264d1754cd983a32ab3f0d47',1);
INSERT INTO "audit" VALUES(20,1796037007049077,'admin','ipv4:127.0.0.1:54184','TenantService/PurgeTenant','operations/op-4bxwrqwut6lme5oc tenants/hooli hosts/h2','OK','','a63aebbcc4ea92e6650af591347a8c8baed4f4e6264d1754cd983a32ab3f0d47','cc0c681d406f4c7e8dea9d3e231a5cd90c7cb93761db7f4efc87316425722c77',1);
INSERT INTO "audit" VALUES(21,1796037008429561,'admin','ipv4:127.0.0.1:54184','TenantService/CreateTenant','operations/op-4l2g7k4xzbtwmyf6 tenants/umbrella hosts/h2','OK','','cc0c681d406f4c7e8dea9d3e231a5cd90c7cb93761db7f4efc87316425722c77','917e16362cdf4215adea9d9de5908aaa91cf8d2de984138906eb7ef3e860e0d7',1);
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
INSERT INTO "backups" VALUES('acme','20261130t110743z-fh6k','rdf2jcdvwrj6poni',1796036863952454,1796036922888367,3,'VERIFIED','MANUAL','store-dmtot477dsvfcodq',2360,'d00f252e08f5574fe2bf58b7709b040cde88ca464b0aec644c01aed34a86a5a0',1,'15.18',1,1000,1796036922888367,X'643A6A39433544354C72476B4A646C5776326632454173382D36356A56774C4F586C31784271474546392D7042376B50305456694D557446315647652D6273313352705435393037434735754152775A4335454666695F494E5144784E326A576953','[]',0,'[]',0);
INSERT INTO "backups" VALUES('initech','20261130t110853z-jz6v','u7ovljibb3o33ta4',1796036933898904,1796036983345160,3,'VERIFIED','FINAL','store-dmtot477dsvfcodq',1237,'b5cbca39ffd965679efb7cd5ce4cd14bc0ca7c2952cf4ddd9a0960706cf3e818',1,'15.18',0,0,1796036983345160,X'643A53484C416F6E515664697073424138786F426458494E6A4842786F5570337144484B6B6F3649527670517350494E39337354456B69615F6E4F45697767474443564C56486874797947694A7948454A6B2D4B4C6A34485178683863374D674235','[]',0,'[]',0);
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
INSERT INTO "credentials" VALUES('acme',0,'t_acme_rdf2jcdvwrj6poni_b','APP',X'6B313A6E48354C307A726C38524A625A5051514F4479303450417133624D4B4E786B486C5549477777586A51746D44423456654534456773726964703063685A596379685256554C2D534E69376D4F32784435634D50757745324D6A797272784E5036','SCRAM-SHA-256$4096:NEciV5tnVD8hbx19AB8wrg==$lYVAmdE4RgOuy1EYR7f8q1DbAuEd0NPHsvss0qy9nvI=:G7CDkCqItiHbZMdrA3kcoG3uUOnYprHLSou1mjGK7nQ=',1796036923387170,1,NULL);
INSERT INTO "credentials" VALUES('acme',1,'t_acme_rdf2jcdvwrj6poni_rb','READ_ONLY',X'6B313A7A3062484F61646C34797554684456485A347334464654305870353957416D4A74374371534A54355461726C2D5A457941393052392D57634A534465535A6E69735433694B6E75774F747A74524342694877573978343349727736584F6B4F59','SCRAM-SHA-256$4096:Bi0ZuO0TX3yM0haPxOjVAQ==$vDKBs3fwfbnT0oOj6IPjDy2e/NivJN489ftusGeusZQ=:7nvIS6f8/ZStA8Gt4Ddm4w60zxXx/srqNeQw/bbV1qs=',1796036923387170,1,NULL);
INSERT INTO "credentials" VALUES('globex',0,'t_globex_hq6igupktrrrjesr_a','APP',X'6B313A3368634F685176736D3462583971695731644A62676C41424438784E6B536477386862636C376E7331306F4C79337A6D6B7662696A6B353747724E46596B4568746271683434685168516E636F574634694B2D6361325F7266364A5F2D615877','SCRAM-SHA-256$4096:ado3K6LXVPlbeB1wBZlBbQ==$yeCMyhNxUUFPVfgI2QT6TbmNvl+X3xQ4L1XGTIz8A5Y=:RjKAZ6+U1qSKI/4OMEC5Ws1bKRHHsEVBByOx59shSmo=',1796036802537196,1,NULL);
INSERT INTO "credentials" VALUES('globex',1,'t_globex_hq6igupktrrrjesr_ra','READ_ONLY',X'6B313A77625A6736725574646D7862585241574A73613465732D2D4650415A7164355A646C5A3666584A5838707545746B426F70437A623248526F467473776131416D6F66724D4C595041302D6169775A564E45714B7046784A726A59304137587779','SCRAM-SHA-256$4096:HkeT2/3aWSr4HC7egC7tjw==$Tkep1L8YVsTHGgOd2D9CJvia6Y083ZedWLg/gtdLhBU=:jGexBayOYkCAe4SWWlh68z5kCJw+HuR8E7KY9MGLWUA=',1796036802537196,1,NULL);
INSERT INTO "credentials" VALUES('initech',0,'t_initech_u7ovljibb3o33ta4_a','APP',X'6B313A42766B7430776D4866635279564B79794D72344239672D767450677941366B37764D335A3175635462563851597A724F7A7A35322D73416D364C6757744848383438424B7650425A6A657334324A3479787264615531793758707A6A474C3776','SCRAM-SHA-256$4096:ZG4bQUzEEnuAOggEO2ZI4w==$7VAyR9x2ifQHaV7zz6yyzqZiJyUhvRi+CslXsxCCsZE=:fNP3xfsnFhgyDEnfPUKh9dRIxOhociD875IBDv/rH5Q=',1796036822264025,1,NULL);
INSERT INTO "credentials" VALUES('initech',1,'t_initech_u7ovljibb3o33ta4_ra','READ_ONLY',X'6B313A494C587A45653741686C444D444F2D7452386F424F67754F745862475455554F43535930565A6648445A7A6B6A33554653614C64486E5A335A424331702D43675A4C6B34485473596B374B543678544F6B4270634172575F7643504C62685F52','SCRAM-SHA-256$4096:9Dj+b84t+iaDZKXaL9tl/A==$Hq9IyRegr56zPKoF1R12N5M3XPodB0Jh2vaBMRkkyMQ=:9Ov8TbcRRnL+Fj64P3HJGqMjvWr7b9KARRhAj7hLZqw=',1796036822264025,1,NULL);
INSERT INTO "credentials" VALUES('umbrella',0,'t_umbrella_yrr5zo2kvaj7t3zi_a','APP',X'6B313A5331484558317936644B615F6E2D4B7579424E5230596E7146654F6A7850697078556B6C6B4D4553526B705277724742756B6F3449476B69374D516D69706A5537545634785662777842336A6B76554565382D447146303972554C4E32474266','SCRAM-SHA-256$4096:UFl58nbI3ljG90ydtlTsIA==$I8bRkkX3ohpWGuA4VyrAVI+0rChF9SkJjmmH7DzioHI=:cdNEmm4UnBYE0jUHsRI8Cw5B+qXgIbinKa2KjwhkA1I=',1796037008429561,1,NULL);
INSERT INTO "credentials" VALUES('umbrella',1,'t_umbrella_yrr5zo2kvaj7t3zi_ra','READ_ONLY',X'6B313A2D4F4D5244334B595271385876323168612D6E36467670596978436B4D4B766A654A33707A496F415748745447674D564867556254777270555251635F6B45314A555A59374B544E55347A6F69664C61566D375273486A4276704A5451642D58','SCRAM-SHA-256$4096:XCPRAQh3rU55nUW3R0zxGQ==$tqE7/iuqOmC9xgevAxh0cNWuhngQpjNwnQRW01PwZ7E=:PJGqgeKj1pRTHFFfIctkOuoLacHmRbJGAMfHkQB24vI=',1796037008429561,1,NULL);
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
INSERT INTO "hosts" VALUES('h1','d3okvypo2ao4t3er',1796036671339035,1796037004681925,12,'{"place":"h1"}',500,0,1073741824,0,0,'f245e13b9ce242d1e404bc7a87c0b62f81f2b020309fce419e1ee73a42803320','',X'',NULL,'["localhost","127.0.0.1","::1"]',1,1796037004681925,'0.1.0',1,'15.18','7713918857528664937',1,'["127.0.0.1:7500"]',63116414976,'["store-dmtot477dsvfcodq"]',1,'','','["create","configure","fence","unfence","drop","back_up","verify","restore","rotate","delete_backup","inventory"]','7713918857528664937',2,100,0,0,0,1,0,'[]');
INSERT INTO "hosts" VALUES('h2','v7qh3ljjm2e6xvfv',1796036676719148,1796037008429561,13,'{"place":"h2"}',500,0,1073741824,0,0,'b2ce989588bd7a2b0da743c25fe42e1eb441245a6ee0336807ec84bffa46a3eb','',X'',NULL,'["localhost","127.0.0.1","::1"]',1,1796036949542353,'0.1.0',1,'15.18','7713918875019076532',1,'["127.0.0.1:7501"]',63012278272,'["store-dmtot477dsvfcodq"]',1,'','','["create","configure","fence","unfence","drop","back_up","verify","restore","rotate","delete_backup","inventory"]','7713918875019076532',2,100,0,0,0,1,0,'[]');
CREATE TABLE meta (
  singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
  epoch INTEGER NOT NULL CHECK (epoch > 0),
  revision INTEGER NOT NULL CHECK (revision >= 0),
  machine_id TEXT NOT NULL,
  inode INTEGER NOT NULL,
  audit_sequence INTEGER NOT NULL CHECK (audit_sequence >= 0),
  audit_hash TEXT NOT NULL CHECK (length(audit_hash) = 64)
, tenants INTEGER NOT NULL DEFAULT 0 CHECK (tenants >= 0)) STRICT;
INSERT INTO "meta" VALUES(1,1,99,'',0,21,'917e16362cdf4215adea9d9de5908aaa91cf8d2de984138906eb7ef3e860e0d7',4);
CREATE TABLE "operations" (
  position INTEGER PRIMARY KEY,  -- rises in the order they began
  id TEXT NOT NULL UNIQUE CHECK (id <> ''),
  kind TEXT NOT NULL,
  tenant TEXT NOT NULL,
  source_tenant TEXT NOT NULL,
  backup TEXT NOT NULL,
  caller TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  version INTEGER NOT NULL,
  end_time INTEGER,
  deadline INTEGER NOT NULL,
  state TEXT NOT NULL,
  operation_order INTEGER NOT NULL,
  point_of_no_return INTEGER NOT NULL,
  cancel_requested INTEGER NOT NULL CHECK (cancel_requested IN (0, 1)),
  error_code INTEGER,
  error_reason TEXT,
  error_message TEXT,
  details TEXT NOT NULL,
  warnings TEXT NOT NULL,
  warning_count INTEGER NOT NULL,
  current_host TEXT NOT NULL  -- of the current step; empty when there is none
) STRICT;
INSERT INTO "operations" VALUES(1,'op-bgwcv4e7xasbt6zk','CREATE','acme','','','admin',1796036781834080,1796036801765151,8,1796036801765151,1796040381834080,'SUCCEEDED',1,1,0,NULL,NULL,NULL,'{}','[]',0,'');
INSERT INTO "operations" VALUES(2,'op-7aztzfvsap5rvexd','CREATE','globex','','','admin',1796036802537196,1796036821753127,8,1796036821753127,1796040402537196,'SUCCEEDED',1,1,0,NULL,NULL,NULL,'{}','[]',0,'');
INSERT INTO "operations" VALUES(3,'op-ppn3mmg5yhaf6hr2','CREATE','initech','','','admin',1796036822264025,1796036836953592,8,1796036836953592,1796040422264025,'SUCCEEDED',1,1,0,NULL,NULL,NULL,'{}','[]',0,'');
INSERT INTO "operations" VALUES(4,'op-2zzebwkbfuriqnmb','CREATE','hooli','','','admin',1796036837753209,1796036857185127,8,1796036857185127,1796040437753209,'SUCCEEDED',1,1,0,NULL,NULL,NULL,'{}','[]',0,'');
INSERT INTO "operations" VALUES(5,'op-aqd4icjgxby7nglm','BACK_UP','acme','','20261130t110743z-fh6k','admin',1796036863952454,1796036880993375,3,1796036880993375,1796123263952454,'SUCCEEDED',1,1,0,NULL,NULL,NULL,'{}','[]',0,'');
INSERT INTO "operations" VALUES(6,'op-44idamn6nnjvhub4','VERIFY','acme','','20261130t110743z-fh6k','admin',1796036881273007,1796036922888367,4,1796036922888367,1796123281273007,'SUCCEEDED',1,1,0,NULL,NULL,NULL,'{}','[]',0,'');
INSERT INTO "operations" VALUES(7,'op-f5ea6wbv773fbbsd','ROTATE','acme','','','admin',1796036923387170,1796036931958212,7,1796036931958212,1796040523387170,'SUCCEEDED',2,2,0,NULL,NULL,NULL,'{"rotate":{"overlap":0}}','[]',0,'');
INSERT INTO "operations" VALUES(8,'op-f5ea6wbv773fbbsd-clean','CLEAN_UP','acme','','','croft',1796036931958212,1796036934477435,5,1796036934477435,2111396931958212,'SUCCEEDED',2,0,0,NULL,NULL,NULL,'{}','[]',0,'');
INSERT INTO "operations" VALUES(9,'op-53l7nrlxlozopevm','SUSPEND','globex','','','admin',1796036932169347,1796036933627717,4,1796036933627717,1796040532169347,'SUCCEEDED',2,1,0,NULL,NULL,NULL,'{"suspend":{"previous_mode":"NONE","previous_state":"READY"}}','[]',0,'');
INSERT INTO "operations" VALUES(10,'op-cwe5g2sn5jj3o6ha','RETIRE','initech','','20261130t110853z-jz6v','admin',1796036933898904,1796036983345160,9,1796036983345160,1796641733898904,'SUCCEEDED',2,0,0,NULL,NULL,NULL,'{}','[]',0,'');
INSERT INTO "operations" VALUES(11,'op-h6eppahuj4iu7n5e','RETIRE','hooli','','20261130t110943z-sl6h','admin',1796036983525662,1796037006973905,9,1796037006973905,1796641783525662,'SUCCEEDED',2,0,0,NULL,NULL,NULL,'{}','[]',0,'');
INSERT INTO "operations" VALUES(12,'op-4bxwrqwut6lme5oc','PURGE','hooli','','','admin',1796037007049077,1796037008365024,5,1796037008365024,1796641807049077,'SUCCEEDED',3,0,0,NULL,NULL,NULL,'{"purge":{"waiver":"a test"}}','[]',0,'');
INSERT INTO "operations" VALUES(13,'op-4l2g7k4xzbtwmyf6','CREATE','umbrella','','','admin',1796037008429561,1796037008429561,1,NULL,1796040608429561,'RUNNING',1,1,0,NULL,NULL,NULL,'{}','[]',0,'h2');
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
INSERT INTO "requests" VALUES('admin','0d56e06e-4a75-4334-bc0d-fdf994361f19','HostService/CreateJoinToken',X'30373962313630623366326434666434306630366132363734356261653938616636623566386265626532353664623237383165353231363739316161386666','hosts/h1',1796036671339035);
INSERT INTO "requests" VALUES('admin','a080d3bb-c809-432c-93e4-5446291930c5','HostService/CreateJoinToken',X'62376437323766613461316331336338363234313662306439373665336365376537633930373632333634373131386139373737616435623339323037363165','hosts/h2',1796036676719148);
CREATE TABLE "steps" (
  operation INTEGER NOT NULL REFERENCES "operations" (position),
  number INTEGER NOT NULL,
  task TEXT NOT NULL,
  payload TEXT NOT NULL,
  host TEXT NOT NULL,
  undo INTEGER NOT NULL CHECK (undo IN (0, 1)),
  generation INTEGER NOT NULL,
  database_name TEXT NOT NULL,
  state TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  refusals INTEGER NOT NULL,
  refusal_reason TEXT NOT NULL,
  same_refusals INTEGER NOT NULL,
  short_since INTEGER,
  not_before INTEGER,
  start_time INTEGER,
  end_time INTEGER,
  message TEXT NOT NULL,
  PRIMARY KEY (operation, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "steps" VALUES(1,0,'create','{}','h1',0,1,'t_acme_rdf2jcdvwrj6poni_g1','DONE',1,0,'',0,NULL,NULL,1796036781834080,1796036801765151,'the database is open to its logins alone, and a login like theirs wrote into it');
INSERT INTO "steps" VALUES(2,0,'create','{}','h2',0,1,'t_globex_hq6igupktrrrjesr_g1','DONE',1,0,'',0,NULL,NULL,1796036802537196,1796036821753127,'the database is open to its logins alone, and a login like theirs wrote into it');
INSERT INTO "steps" VALUES(3,0,'create','{}','h1',0,1,'t_initech_u7ovljibb3o33ta4_g1','DONE',1,0,'',0,NULL,NULL,1796036822264025,1796036836953592,'the database is open to its logins alone, and a login like theirs wrote into it');
INSERT INTO "steps" VALUES(4,0,'create','{}','h2',0,1,'t_hooli_4qoqfdxlxkuxxub5_g1','DONE',1,0,'',0,NULL,NULL,1796036837753209,1796036857185127,'the database is open to its logins alone, and a login like theirs wrote into it');
INSERT INTO "steps" VALUES(5,0,'back_up','{"backup":{"id":"20261130t110743z-fh6k","tenant":"acme"},"max_duration":0,"sealed":false}','h1',0,1,'t_acme_rdf2jcdvwrj6poni_g1','DONE',1,0,'',0,NULL,NULL,1796036863952454,1796036880993375,'');
INSERT INTO "steps" VALUES(6,0,'verify','{"backup":{"id":"20261130t110743z-fh6k","tenant":"acme"}}','h1',0,0,'','DONE',1,0,'',0,NULL,NULL,1796036881273007,1796036922888367,'');
INSERT INTO "steps" VALUES(7,0,'rotate','{"enable":true,"login":"t_acme_rdf2jcdvwrj6poni_b"}','h1',0,1,'t_acme_rdf2jcdvwrj6poni_g1','DONE',1,0,'',0,NULL,NULL,1796036923387170,1796036928652042,'the login t_acme_rdf2jcdvwrj6poni_b is made, and one like it wrote into the database');
INSERT INTO "steps" VALUES(7,1,'rotate','{"enable":true,"login":"t_acme_rdf2jcdvwrj6poni_rb"}','h1',0,1,'t_acme_rdf2jcdvwrj6poni_g1','DONE',1,0,'',0,NULL,NULL,1796036928652042,1796036931958212,'the login t_acme_rdf2jcdvwrj6poni_rb is made, and one like it wrote into the database');
INSERT INTO "steps" VALUES(8,0,'rotate','{"enable":false,"login":"t_acme_rdf2jcdvwrj6poni_a"}','h1',0,1,'t_acme_rdf2jcdvwrj6poni_g1','DONE',1,0,'',0,NULL,NULL,1796036931958212,1796036933384232,'the login t_acme_rdf2jcdvwrj6poni_a cannot get in and has no session');
INSERT INTO "steps" VALUES(8,1,'rotate','{"enable":false,"login":"t_acme_rdf2jcdvwrj6poni_ra"}','h1',0,1,'t_acme_rdf2jcdvwrj6poni_g1','DONE',1,0,'',0,NULL,NULL,1796036933384232,1796036934477435,'the login t_acme_rdf2jcdvwrj6poni_ra cannot get in and has no session');
INSERT INTO "steps" VALUES(9,0,'fence','{"allow_readers":false}','h2',0,1,'t_globex_hq6igupktrrrjesr_g1','DONE',1,0,'',0,NULL,NULL,1796036932169347,1796036933627717,'nobody can get in, no session is left, and the database carries its sealed name');
INSERT INTO "steps" VALUES(10,0,'fence','{"allow_readers":false}','h1',0,1,'t_initech_u7ovljibb3o33ta4_g1','DONE',1,0,'',0,NULL,NULL,1796036933898904,1796036935437387,'nobody can get in, no session is left, and the database carries its sealed name');
INSERT INTO "steps" VALUES(10,1,'back_up','{"backup":{"id":"20261130t110853z-jz6v","tenant":"initech"},"max_duration":0,"sealed":true}','h1',0,1,'t_initech_u7ovljibb3o33ta4_g1','DONE',1,0,'',0,NULL,NULL,1796036935437387,1796036950223290,'');
INSERT INTO "steps" VALUES(10,2,'verify','{"backup":{"id":"20261130t110853z-jz6v","tenant":"initech"}}','h1',0,1,'t_initech_u7ovljibb3o33ta4_g1','DONE',1,0,'',0,NULL,NULL,1796036950223290,1796036983345160,'');
INSERT INTO "steps" VALUES(11,0,'fence','{"allow_readers":false}','h2',0,1,'t_hooli_4qoqfdxlxkuxxub5_g1','DONE',1,0,'',0,NULL,NULL,1796036983525662,1796036984742236,'nobody can get in, no session is left, and the database carries its sealed name');
INSERT INTO "steps" VALUES(11,1,'back_up','{"backup":{"id":"20261130t110943z-sl6h","tenant":"hooli"},"max_duration":0,"sealed":true}','h2',0,1,'t_hooli_4qoqfdxlxkuxxub5_g1','DONE',1,0,'',0,NULL,NULL,1796036984742236,1796037001120981,'');
INSERT INTO "steps" VALUES(11,2,'verify','{"backup":{"id":"20261130t110943z-sl6h","tenant":"hooli"}}','h2',0,1,'t_hooli_4qoqfdxlxkuxxub5_g1','DONE',1,0,'',0,NULL,NULL,1796037001120981,1796037006973905,'');
INSERT INTO "steps" VALUES(12,0,'drop','{"databases":["t_hooli_4qoqfdxlxkuxxub5_g1"],"roles":true,"undo_copy":false}','h2',0,1,'t_hooli_4qoqfdxlxkuxxub5_g1','DONE',1,0,'',0,NULL,NULL,1796037007049077,1796037008268699,'databases and roles are gone');
INSERT INTO "steps" VALUES(12,1,'delete_backup','{"all":true,"backup":{"id":"20261130t110943z-sl6h","tenant":"hooli"}}','h2',0,0,'','DONE',1,0,'',0,NULL,NULL,1796037008268699,1796037008315832,'all backups and the wrapped data key are gone');
INSERT INTO "steps" VALUES(12,2,'erase_key','{}','',0,0,'','DONE',1,0,'',0,NULL,NULL,1796037008315832,1796037008365024,'');
INSERT INTO "steps" VALUES(13,0,'create','{}','h2',0,1,'t_umbrella_yrr5zo2kvaj7t3zi_g1','DISPATCHED',1,0,'',0,NULL,NULL,1796037008429561,NULL,'');
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
INSERT INTO "tenants" VALUES('acme','rdf2jcdvwrj6poni',1796036781834080,1796036934477435,7,NULL,NULL,NULL,'','[]','{}','[]','','','',50,0,0,0,'READY','NONE','READY','h1','t_acme_rdf2jcdvwrj6poni_g1',1,'t_acme_rdf2jcdvwrj6poni','t_acme_rdf2jcdvwrj6poni_r',2,1,NULL,'20261130t110743z-fh6k','','op-bgwcv4e7xasbt6zk',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('globex','hq6igupktrrrjesr',1796036802537196,1796036933627717,4,NULL,NULL,NULL,'','[]','{}','[]','','','',50,0,0,0,'SUSPENDED','BLOCKED','READY','h2','t_globex_hq6igupktrrrjesr_g1',1,'t_globex_hq6igupktrrrjesr','t_globex_hq6igupktrrrjesr_r',2,1,NULL,'','','op-7aztzfvsap5rvexd',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('hooli','4qoqfdxlxkuxxub5',1796036837753209,1796037008365024,8,1796036983525662,NULL,NULL,'','[]','{}','[]','','','',50,0,0,0,'PURGED','NONE','READY','','',1,'','',3,1,NULL,'','','op-2zzebwkbfuriqnmb',NULL,0,0,'',0);
INSERT INTO "tenants" VALUES('initech','u7ovljibb3o33ta4',1796036822264025,1796036983345160,6,1796036933898904,1796641733898904,NULL,'','[]','{}','[]','','','',50,0,0,0,'RETIRED','NONE','READY','h1','t_initech_u7ovljibb3o33ta4_g1',1,'t_initech_u7ovljibb3o33ta4','t_initech_u7ovljibb3o33ta4_r',2,1,1796036935437387,'20261130t110853z-jz6v','','op-ppn3mmg5yhaf6hr2',1796641733898904,0,0,'',0);
INSERT INTO "tenants" VALUES('umbrella','yrr5zo2kvaj7t3zi',1796037008429561,1796037008429561,1,NULL,NULL,NULL,'','[]','{}','[]','','','',50,0,0,0,'CREATING','NONE','READY','h2','t_umbrella_yrr5zo2kvaj7t3zi_g1',1,'t_umbrella_yrr5zo2kvaj7t3zi','t_umbrella_yrr5zo2kvaj7t3zi_r',1,1,NULL,'','op-4l2g7k4xzbtwmyf6','op-4l2g7k4xzbtwmyf6',NULL,0,0,'',0);
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
CREATE INDEX requests_by_time ON requests (time);
CREATE UNIQUE INDEX tokens_by_hash ON tokens (hash);
CREATE INDEX tokens_by_id ON tokens (principal, id);
CREATE UNIQUE INDEX principal_certificates_by_fingerprint ON principal_certificates (fingerprint);
CREATE INDEX tenants_unconfirmed ON tenants (id) WHERE unconfirmed;
CREATE INDEX backups_by_id ON backups (id, tenant);
CREATE INDEX operations_by_tenant ON operations (tenant, position);
CREATE INDEX operations_by_kind ON operations (kind, position);
CREATE INDEX operations_by_state ON operations (state, position);
CREATE INDEX operations_running ON operations (tenant) WHERE state IN ('RUNNING', 'UNDOING');
CREATE INDEX operations_running_by_source ON operations (source_tenant)
  WHERE state IN ('RUNNING', 'UNDOING') AND source_tenant <> '';
CREATE INDEX operations_running_by_host ON operations (current_host) WHERE state IN ('RUNNING', 'UNDOING');
COMMIT;
