using Banyan.Server.Access;
using Banyan.Server.Auditing;
using Banyan.Server.Pages;
using Banyan.Server.Pages.Languages;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.OAuth;

/// <summary>The page on which a user authorizes a program that shows a code.</summary>
/// <param name="Code">The code that was typed, or nothing.</param>
/// <param name="Device">The program that waits with it, or null.</param>
/// <param name="Client">What it is called.</param>
/// <param name="Error">What was wrong, or null.</param>
/// <param name="Done">The outcome, or null.</param>
public sealed record DeviceView(string Code, WaitingDevice? Device = null, string? Client = null,
    string? Error = null, string? Done = null);

/// <summary><c>/oauth/device</c>: the user types the code that a program shows, and authorizes or denies it. Guesses are counted.</summary>
sealed class DevicePages(DeviceCodes codes, Throttle throttle, Refusals refusals, Authoriser authoriser)
{
    /// <summary><c>GET /oauth/device?user_code=</c></summary>
    public async Task ShowAsync(HttpContext context)
    {
        var caller = await SessionAsync(context);
        var typed = context.Request.Query["user_code"].ToString().Trim();
        var device = typed.Length == 0 ? null : await FindAsync(context, caller, typed);
        await (device is not null ? AskAsync(context, device)
            : RenderAsync(context, typed.Length == 0 ? new("") : new(typed, Error: context.Language()["device.none"]),
                typed.Length == 0 ? 200 : 400));
    }

    /// <summary><c>POST /oauth/device/decide</c></summary>
    public async Task DecideAsync(HttpContext context)
    {
        var (caller, form) = (await SessionAsync(context), await context.FormAsync());
        var typed = form["user_code"].ToString().Trim();
        if (form["do"].ToString() is not ("allow" or "deny"))
            throw HubException.BadRequest("This form says nothing to do.");
        var isAllowed = form["do"] == "allow";
        if (await FindAsync(context, caller, typed) is not { } device
            || !await codes.DecideAsync(device.UserCode, caller, isAllowed, context.RequestAborted))
            await RenderAsync(context, new(typed, Error: context.Language()["device.none"]), 400);
        else
            await RenderAsync(context, new("", Done: context.Language()[isAllowed ? "device.allowed" : "device.denied"]));
    }

    async Task<WaitingDevice?> FindAsync(HttpContext context, Caller caller, string typed)
    {
        throttle.Count(context, $"device {caller.Name}");
        if (DeviceCodes.Read(typed) is { } code && await codes.FindAsync(code, context.RequestAborted) is { } device)
        {
            throttle.Forget(context, $"device {caller.Name}");
            return device;
        }
        refusals.Note(new Actor(caller.UserId, caller.Name), "device.refused", caller.Name, "no such code");
        return null;
    }

    /// <summary>An authorized program may get more rights than a token has, so only a user signed in with a browser can authorize
    /// it.</summary>
    async Task<Caller> SessionAsync(HttpContext context) => await authoriser.UserAsync(context) is { SessionId: > 0 } caller
        ? caller : throw HubException.Forbidden("This page is for who signed in by a browser.");

    static Task AskAsync(HttpContext context, WaitingDevice device) =>
        RenderAsync(context, new(device.UserCode, device, OAuthClient.CommandLine.Name));

    static Task RenderAsync(HttpContext context, DeviceView view, int status = 200) =>
        HtmlPage.RenderAsync<DevicePage>(context, view, status);
}
