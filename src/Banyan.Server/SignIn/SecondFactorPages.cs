using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Banyan.Server.Pages.Languages;
using Banyan.Server.Storage;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.SignIn;

/// <summary><c>POST /settings/second-factor</c>: a user's own second factor of signing in. A session alone cannot change it: that takes the
/// password, and a code if two-factor authentication is on.</summary>
sealed class SecondFactorPages(SettingsPages settings, AccountStore accounts, Passwords passwords, SecondFactors factors, Throttle throttle,
    Tickets tickets, HubAddress address, TimeProvider time)
{
    const string Purpose = "second-factor", Page = "password";

    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(30);

    public Task ChangeAsync(HttpContext context) => settings.ChangeAsync(context, Page, async (caller, form) =>
    {
        var (user, code) = ((await accounts.FindAsync(caller.UserId, context.RequestAborted))!, form["code"].ToString());
        throttle.Count(context, $"code {user.Name}");
        var view = form["do"].ToString() switch
        {
            "begin" => await BeginAsync(context, user, form),
            "confirm" => await ConfirmAsync(context, user, form["ticket"].ToString(), code),
            "codes" =>
                await ProvenAsync(context, user, form,
                    async () => Codes(context, await factors.RenewCodesAsync(user, context.RequestAborted))),
            "off" when await factors.IsRequiredAsync(context.RequestAborted) =>
                throw HubException.BadRequest("Everyone on this hub needs a second factor."),
            "off" => await ProvenAsync(context, user, form, async () =>
            {
                await factors.RemoveAsync(user.Name, context.RequestAborted);
                return new() { Active = Page, Done = context.Language()["done.factor.off"] };
            }),
            _ => throw HubException.BadRequest("This form says nothing to do."),
        };
        if (view.Error is null)
            throttle.Forget(context, $"code {user.Name}");
        return view;
    });

    async Task<SettingsView> BeginAsync(HttpContext context, Account user, IFormCollection form)
    {
        await CheckPasswordAsync(context, user, form);
        return await factors.HasAsync(user.Id, context.RequestAborted)
            ? throw HubException.BadRequest("There is a second factor already: take it away first.")
            : await SetUpAsync(context, user, Totp.NewSecret(), null);
    }

    async Task<SettingsView> ConfirmAsync(HttpContext context, Account user, string ticket, string code)
    {
        var id = user.Id.ToString(CultureInfo.InvariantCulture);
        if (await tickets.ReadAsync(Purpose, ticket, context.RequestAborted) is not [var of, var hex] || of != id
            || await factors.HasAsync(user.Id, context.RequestAborted))
            throw HubException.BadRequest("This took too long: begin again.");
        var secret = Convert.FromHexString(hex);
        return await factors.SetAsync(user, secret, code, context.RequestAborted) is { } codes ? Codes(context, codes)
            : await SetUpAsync(context, user, secret, Entrance.Problem(context, CodeCheck.Wrong));
    }

    async Task<SettingsView> SetUpAsync(HttpContext context, Account user, byte[] secret, string? error)
    {
        string[] fields = [user.Id.ToString(CultureInfo.InvariantCulture), Convert.ToHexStringLower(secret)];
        var ticket = await tickets.IssueAsync(Purpose, time.GetUtcNow() + s_patience, fields, context.RequestAborted);
        return new() { Active = Page, Error = error, Factor = NewFactor.Of(address.Root(context), user.Name, secret, ticket) };
    }

    async Task<SettingsView> ProvenAsync(HttpContext context, Account user, IFormCollection form, Func<Task<SettingsView>> change)
    {
        await CheckPasswordAsync(context, user, form);
        var check = await factors.CheckAsync(user, form["code"].ToString(), context.RequestAborted);
        return check == CodeCheck.Right ? await change() : throw HubException.BadRequest(Entrance.Problem(context, check));
    }

    async Task CheckPasswordAsync(HttpContext context, Account user, IFormCollection form)
    {
        if (await passwords.HasAsync(user.Id, context.RequestAborted)
            && await passwords.FindAsync(user.Name, form["current"].ToString(), context.RequestAborted) is null)
            throw HubException.BadRequest("The password is not right.");
    }

    static SettingsView Codes(HttpContext context, IReadOnlyList<string> codes) => new()
    {
        Active = Page,
        Secret = string.Join('\n', codes),
        Done = context.Language()["done.factor.on"],
    };
}
