// The verbs of `croftctl access`.

#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "common/crypto/x509.h"
#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/access.grpc.pb.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/files.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/tenant_flags.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"

namespace croft::ctl {
namespace {

using Access = v1::AccessService::Stub;

struct WhichPrincipal {
  std::string id;

  void AddTo(CLI::App& verb) { verb.add_option("PRINCIPAL", id, "Its id")->required(); }
  std::string Name() const { return PrincipalName(LastPart(id)); }
};

void AddPrincipalCreate(Noun& noun) {
  struct Arguments {
    WhichPrincipal which;
    std::string display_name;
  };
  auto verb =
      noun.AddVerb<Arguments>("create", "Make a principal; it may nothing until a role is bound to it");
  verb->which.AddTo(verb.app);
  verb.app.add_option("--display-name", verb->display_name, "Whom or what it stands for");
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::CreatePrincipalRequest request;
    request.set_principal_id(LastPart(arguments.which.id));
    request.mutable_principal()->set_display_name(arguments.display_name);
    return session.ShowChanged(session.Change(&Access::CreatePrincipal, request));
  });
}

void AddPrincipalList(Noun& noun) {
  auto verb = noun.AddVerb<ListFlags>("list", "List principals");
  verb->AddTo(verb.app);
  verb.Reads([](Session& session, const ListFlags& list) -> absl::Status {
    return PrintAll(session, kPrincipals, v1::ListPrincipalsRequest(), list);
  });
}

void AddPrincipalGet(Noun& noun) {
  auto verb = noun.AddVerb<WhichPrincipal>("get", "Show a principal with its bindings and tokens");
  verb->AddTo(verb.app);
  verb.Reads([](Session& session, const WhichPrincipal& which) -> absl::Status {
    return GetEach(session, kPrincipals.field, {which.Name()}, &Access::GetPrincipal,
                   v1::GetPrincipalRequest());
  });
}

void AddPrincipalDelete(Noun& noun) {
  auto verb = noun.AddVerb<WhichPrincipal>("delete", "Delete a principal: its tokens end at once");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const WhichPrincipal& which) -> absl::Status {
    CROFT_RETURN_IF_ERROR(session.Confirm("deletes principal", LastPart(which.id)));
    v1::DeletePrincipalRequest request;
    request.set_name(which.Name());
    return session.Change(&Access::DeletePrincipal, request).status();
  });
}

void AddTokenCreate(Noun& noun) {
  struct Arguments {
    WhichPrincipal which;
    std::string expire_in;
    bool never_expires = false;
    std::string out;
  };
  auto verb = noun.AddVerb<Arguments>("create", "Make a token and print it, once");
  verb->which.AddTo(verb.app);
  auto* expire =
      verb.app.add_option("--expire-in", verb->expire_in, "How long it is good for; default: 90d");
  verb.app.add_flag("--never-expires", verb->never_expires, "Good until it is revoked")->excludes(expire);
  verb.app.add_option("--to-file,--out", verb->out,
                      "Write the token to this file, 0600, instead of printing it");
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::CreateTokenRequest request;
    request.set_parent(arguments.which.Name());
    request.set_never_expires(arguments.never_expires);
    if (!arguments.expire_in.empty()) {
      CROFT_ASSIGN_OR_RETURN(const absl::Duration life, ParseDuration(arguments.expire_in, "--expire-in"));
      *request.mutable_expire_time() = ToProto(absl::Now() + life);
    }
    CROFT_ASSIGN_OR_RETURN(const auto made, session.Change(&Access::CreateToken, request));
    session.terminal.Say(
        absl::StrCat(made.token().name(),
                     made.token().has_expire_time()
                         ? absl::StrCat(", good until ", TimeText(FromProto(made.token().expire_time())))
                         : ", good until it is revoked",
                     ": croftctl --token-file FILE"));
    if (made.secret().empty()) {
      session.terminal.Say("its text was shown when it was made, and is not known here any more");
    }
    if (!arguments.out.empty()) return WritePrivateFile(arguments.out, absl::StrCat(made.secret(), "\n"));
    if (session.printer.format() != Format::kTable) return session.printer.One(made);
    session.printer.Text(absl::StrCat(made.secret(), "\n"));
    return absl::OkStatus();
  });
}

void AddTokenRevoke(Noun& noun) {
  struct Arguments {
    std::string principal;
    std::string token;

    std::string Name() const {
      return token.empty() ? principal : AccessTokenName(LastPart(principal), LastPart(token));
    }
  };
  auto verb = noun.AddVerb<Arguments>("revoke", "End a token at once, its open streams too");
  verb.app.add_option("PRINCIPAL", verb->principal, "Whose it is, or the token's whole name")->required();
  verb.app.add_option("TOKEN", verb->token, "Its id, as principal get shows it");
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::RevokeTokenRequest request;
    request.set_name(arguments.Name());
    return session.Change(&Access::RevokeToken, request).status();
  });
}

void AddCertificateCreate(Noun& noun) {
  struct Arguments {
    WhichPrincipal which;
    std::string to;
  };
  auto verb = noun.AddVerb<Arguments>(
      "create", "Make a key here and have a client certificate signed for it; the key is sent nowhere");
  verb->which.AddTo(verb.app);
  verb.app.add_option("--to", verb->to, "Write FILE.key, 0600, and FILE.crt")->required();
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    const std::string key = crypto::NewPrivateKey();
    v1::CreateCertificateRequest request;
    request.set_parent(arguments.which.Name());
    CROFT_ASSIGN_OR_RETURN(*request.mutable_certificate_request(),
                           crypto::NewCertificateRequest(key, request.parent()));
    // The key first: a certificate without it is good for nothing.
    CROFT_RETURN_IF_ERROR(WritePrivateFile(arguments.to + ".key", key));
    CROFT_ASSIGN_OR_RETURN(const auto made, session.Change(&Access::CreateCertificate, request));
    CROFT_RETURN_IF_ERROR(WritePrivateFile(arguments.to + ".crt", made.certificate()));
    session.terminal.Say(absl::StrCat("certificate ", made.fingerprint(), ", good until ",
                                      TimeText(FromProto(made.expire_time())), ": croftctl --cert ",
                                      arguments.to, ".crt --key ", arguments.to, ".key"));
    return absl::OkStatus();
  });
}

void AddCertificateRevoke(Noun& noun) {
  struct Arguments {
    WhichPrincipal which;
    std::string fingerprint;
  };
  auto verb = noun.AddVerb<Arguments>("revoke", "End a client certificate at once, its open streams too");
  verb->which.AddTo(verb.app);
  verb.app.add_option("FINGERPRINT", verb->fingerprint, "As principal get shows it")->required();
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::RevokeCertificateRequest request;
    request.set_parent(arguments.which.Name());
    request.set_fingerprint(arguments.fingerprint);
    return session.Change(&Access::RevokeCertificate, request).status();
  });
}

// A role and for which tenants.
struct WhichBinding {
  WhichPrincipal which;
  std::string role;
  std::vector<std::string> tenants;
  std::vector<std::string> labels;
  bool all = false;

  void AddTo(CLI::App& verb) {
    which.AddTo(verb);
    verb.add_option("ROLE", role, "admin, operator, viewer, connector or locator")->required();
    AddEach(verb, "--tenant", tenants, "Id of a tenant it is for; may be repeated");
    AddEach(verb, "-l,--labels", labels, "key=value that the tenants carry it is for; may be repeated");
    verb.add_flag("--all-tenants", all, "For every tenant, also those to come");
  }
  absl::StatusOr<v1::Binding> ToProto() const {
    v1::Binding binding;
    CROFT_ASSIGN_OR_RETURN(const auto parsed, ParseEnum<v1::Binding::Role>("ROLE_", role, "ROLE"));
    binding.set_role(parsed);
    // It can be for nothing less.
    binding.set_all_tenants(all ||
                            (parsed == v1::Binding::ROLE_ADMIN && tenants.empty() && labels.empty()));
    for (const std::string& tenant : tenants) binding.add_tenants(LastPart(tenant));
    CROFT_ASSIGN_OR_RETURN(const Labels carried, ParseLabels(labels, "--labels"));
    for (const auto& [key, value] : carried) (*binding.mutable_labels())[key] = value;
    if (binding.all_tenants() || !tenants.empty() || !carried.empty()) return binding;
    return UsageError("say for which tenants: --tenant ID, -l key=value or --all-tenants");
  }
};

template <class Request>
absl::StatusOr<Request> BindingRequest(const WhichBinding& arguments) {
  Request request;
  request.set_name(arguments.which.Name());
  CROFT_ASSIGN_OR_RETURN(*request.mutable_binding(), arguments.ToProto());
  return request;
}

void AddBind(Noun& noun) {
  auto verb = noun.AddVerb<WhichBinding>("bind", "Give a principal a role");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const WhichBinding& arguments) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const auto request, BindingRequest<v1::BindRoleRequest>(arguments));
    return session.ShowChanged(session.Change(&Access::BindRole, request));
  });
}

void AddUnbind(Noun& noun) {
  auto verb = noun.AddVerb<WhichBinding>("unbind", "Take the binding with exactly this role and scope");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const WhichBinding& arguments) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const auto request, BindingRequest<v1::UnbindRoleRequest>(arguments));
    return session.ShowChanged(session.Change(&Access::UnbindRole, request));
  });
}

void AddWhoAmI(Noun& noun) {
  auto verb = noun.AddVerb<NoArguments>("whoami", "Show who you are here, and what you may");
  verb.Reads([](Session& session, const NoArguments&) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const v1::WhoAmIResponse caller,
                           session.client.Call(&Access::WhoAmI, v1::WhoAmIRequest()));
    return session.printer.One(caller);
  });
}

}  // namespace

void AddAccess(Noun& root) {
  Noun noun = root.AddNoun("access", "Who may call, and what");
  Noun principal = noun.AddNoun("principal", "People, services and scripts");
  AddPrincipalCreate(principal);
  AddPrincipalList(principal);
  AddPrincipalGet(principal);
  AddPrincipalDelete(principal);
  Noun token = noun.AddNoun("token", "Bearer tokens of principals");
  AddTokenCreate(token);
  AddTokenRevoke(token);
  Noun certificate = noun.AddNoun("certificate", "Client certificates of principals");
  AddCertificateCreate(certificate);
  AddCertificateRevoke(certificate);
  AddBind(noun);
  AddUnbind(noun);
  AddWhoAmI(noun);
}

}  // namespace croft::ctl
