using System.Buffers.Text;
using System.Globalization;
using System.Net;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Hub;
using Banyan.Server.Pages.Languages;
using Banyan.Server.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Banyan.Server.SignIn.Passkeys;

/// <summary>A request to the browser's authenticator, made by the only script on these pages.</summary>
/// <param name="Options">WebAuthn's options, as JSON.</param>
/// <param name="Ticket">The challenge, signed, for the answer.</param>
public sealed record PasskeyQuestion(string Options, string Ticket);

/// <summary>
/// Passkeys (WebAuthn): made at <c>/settings/password</c>, and signing in at <c>/login</c>. The authenticator asks its user each time (by
/// finger, face or PIN), so that a passkey is two factors by itself. ASP.NET Core Identity checks what it says; the challenge is in a
/// signed ticket, good once, for five minutes.
/// </summary>
sealed class PasskeyPages(
    SettingsPages settings, SignInPages pages, PasskeyStore store, AccountStore accounts, Sessions sessions, Throttle throttle,
    Refusals refusals, PasskeyQuestions questions)
{
    const string Page = "password";

    /// <summary><c>POST /login/passkey</c></summary>
    public async Task SignInAsync(HttpContext context)
    {
        var form = await context.FormAsync();
        var next = SignInPages.Next(form["next"]);
        throttle.Count(context, "passkey");
        if (await questions.ReadAsync(context, PasskeyQuestions.SignIn, form["ticket"].ToString()) is not [var state]
            || await questions.Handler.PerformAssertionAsync(new()
            {
                HttpContext = context,
                CredentialJson = form["credential"].ToString(),
                AssertionState = state
            }) is not { Succeeded: true } result)
        {
            refusals.Note(Actor.Anonymous, "session.refused", "(no user)", "wrong passkey");
            await pages.RenderAsync(context, next, context.Language()["wrong.passkey"], StatusCodes.Status400BadRequest);
            return;
        }
        if (result.User.SuspendedAt is not null)
        {
            await pages.RenderAsync(context, next, context.Language()["wrong.suspended"], StatusCodes.Status400BadRequest);
            return;
        }
        throttle.Forget(context, "passkey");
        await store.AddOrUpdatePasskeyAsync(result.User, result.Passkey, context.RequestAborted);
        await sessions.BeginAsync(context, result.User, null, "passkey");
        SignInPages.SeeOther(context, next);
    }

    /// <summary>
    /// <c>POST /settings/passkeys</c>: one that the browser has made, which takes the password (and a code where there is one) as any other
    /// way in does.
    /// </summary>
    public Task AddAsync(HttpContext context) => settings.ChangeAsync(context, Page, async (caller, form) =>
    {
        var user = (await accounts.FindAsync(caller.UserId, context.RequestAborted))!;
        await settings.ProveAsync(context, user, form);
        if (await questions.ReadAsync(context, PasskeyQuestions.Making, form["ticket"].ToString()) is not [var of, var state]
            || of != user.Id.ToString(CultureInfo.InvariantCulture)
            || await questions.Handler.PerformAttestationAsync(new()
            {
                HttpContext = context,
                CredentialJson = form["credential"].ToString(),
                AttestationState = state
            }) is not { Succeeded: true } result)
            throw HubException.BadRequest("This passkey cannot be used, or it took too long: try again.");
        if (await store.FindByPasskeyIdAsync(result.Passkey.CredentialId, context.RequestAborted) is not null)
            throw HubException.BadRequest("This passkey is known already.");
        result.Passkey.Name = form["name"].ToString();
        await store.AddOrUpdatePasskeyAsync(user, result.Passkey, context.RequestAborted);
        return new() { Active = Page, Done = context.Language()["done.passkey"] };
    });

    /// <summary><c>POST /settings/passkeys/remove</c></summary>
    public Task RemoveAsync(HttpContext context) => settings.ChangeAsync(context, Page, async (caller, form) =>
    {
        var id = form["id"].ToString() is { Length: <= 1400 } text && Base64Url.IsValid(text) ? Base64Url.DecodeFromChars(text) : [];
        await store.RemovePasskeyAsync((await accounts.FindAsync(caller.UserId, context.RequestAborted))!, id, context.RequestAborted);
        return new() { Active = Page, Done = context.Language()["done.passkey.removed"] };
    });
}

/// <summary>Challenges for authenticators.</summary>
sealed class PasskeyQuestions(PasskeyStore store, Tickets tickets, HubOptions options, HubAddress address, TimeProvider time)
{
    public const string SignIn = "passkey-sign-in", Making = "passkey-making";

    static readonly TimeSpan s_life = TimeSpan.FromMinutes(5);

    /// <summary>ASP.NET Core Identity's WebAuthn.</summary>
    public PasskeyHandler<Account> Handler { get; } = new(
        new UserManager<Account>(store, null!, null!, null!, null!, null!, null!, null!, NullLogger<UserManager<Account>>.Instance),
        Options.Create(new IdentityPasskeyOptions
        {
            ServerDomain = options.PublicUrl is { } url ? new Uri(url).Host : null,
            UserVerificationRequirement = "required",
            ResidentKeyRequirement = "required",
            AuthenticatorTimeout = s_life,
            ValidateOrigin = origin =>
                new(!origin.CrossOrigin && origin.Origin == new Uri(address.Root(origin.HttpContext)).GetLeftPart(UriPartial.Authority)),
        }));

    /// <summary>A passkey belongs to a host name: a hub reached by an IP address offers none.</summary>
    bool IsNamed(HttpContext context) => !IPAddress.TryParse(new Uri(address.Root(context)).Host.Trim('[', ']'), out _);

    /// <summary>A request for any passkey; null if there can be none.</summary>
    public async Task<PasskeyQuestion?> ToSignInAsync(HttpContext context)
    {
        if (!IsNamed(context))
            return null;
        var asked = await Handler.MakeRequestOptionsAsync(null, context);
        return new(asked.RequestOptionsJson,
            await tickets.IssueAsync(SignIn, time.GetUtcNow() + s_life, [asked.AssertionState!], context.RequestAborted));
    }

    /// <summary>A request for a new passkey of a user; null if there can be none.</summary>
    public async Task<PasskeyQuestion?> ToMakeAsync(HttpContext context, Account user)
    {
        if (!IsNamed(context))
            return null;
        var asked =
            await Handler.MakeCreationOptionsAsync(
                new() { Id = WhoAmI.Id(user.Id), Name = user.Name, DisplayName = user.FullName ?? user.Name }, context);
        return new(asked.CreationOptionsJson,
            await tickets.IssueAsync(Making, time.GetUtcNow() + s_life,
                [user.Id.ToString(CultureInfo.InvariantCulture), asked.AttestationState!], context.RequestAborted));
    }

    /// <summary>The challenge, if it is answered for the first time.</summary>
    public async Task<string[]?> ReadAsync(HttpContext context, string purpose, string ticket) =>
        await tickets.ReadAsync(purpose, ticket, context.RequestAborted) is { } fields
        && await store.AnswerAsync(ticket, s_life, context.RequestAborted) ? fields : null;
}
