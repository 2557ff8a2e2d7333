using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Cards;

/// <summary>A visitor's machine, as they described it: kept in a cookie, so that each model's page says what runs on it, and how
/// fast.</summary>
/// <param name="Memory">Gigabytes of memory.</param>
/// <param name="Speed">The nominal bandwidth of its memory, in gigabytes a second.</param>
public sealed record Machine(int Memory, int Speed)
{
    /// <summary>Speeds to choose from, in gigabytes a second, and which machines have them.</summary>
    internal static readonly IReadOnlyList<(int Speed, string Of)> Speeds =
    [
        (17, "LPDDR4X × 1, Raspberry Pi 5"), (25, "DDR4-3200 × 1"), (51, "DDR4-3200 × 2"), (90, "DDR5-5600 × 2"),
        (120, "LPDDR5X, Apple M4"), (273, "Apple M4 Pro"), (204, "DDR4-3200 × 8"), (410, "Apple M4 Max"), (460, "DDR5-4800 × 12"),
    ];

    const string CookieName = "banyan-machine";

    const int MaxMemory = 100_000;

    // Generation reads weights at 68 to 95 % of what a program can read (measured, docs/performance.md); that this is 60 to 85 % of what
    // memory is sold as is assumed.
    const double Least = 0.4, Most = 0.8;

    /// <summary>No speed is shown for smaller weights: they stay in caches, or take less time than the rest of a token's work.</summary>
    internal const long LeastBytes = 100_000_000;

    static readonly TimeSpan s_life = TimeSpan.FromDays(365);

    /// <summary>Whether a choice of weights runs in its memory.</summary>
    internal bool Fits(WeightChoice choice) => choice.Memory <= Memory * 1_000_000_000L;

    /// <summary>
    /// Tokens a second, at least and at most, of a model that reads all its weights for each token: memory's speed by their bytes.
    /// </summary>
    internal (double Least, double Most) TokensPerSecond(WeightChoice choice) =>
        (Least * Speed * 1e9 / choice.Bytes, Most * Speed * 1e9 / choice.Bytes);

    /// <summary>The machine that a visitor said they have, or null.</summary>
    internal static Machine? Of(HttpRequest request) =>
        request.Cookies[CookieName]?.Split('x') is [var memory, var speed] ? Read(memory, speed) : null;

    static Machine? Read(string memory, string speed) =>
        int.TryParse(memory, NumberStyles.None, CultureInfo.InvariantCulture, out var gigabytes) && gigabytes is > 0 and <= MaxMemory
        && int.TryParse(speed, NumberStyles.None, CultureInfo.InvariantCulture, out var rate) && Speeds.Any(s => s.Speed == rate)
            ? new(gigabytes, rate) : null;

    /// <summary><c>/settings/machine?memory=16&amp;speed=51&amp;next=/…</c>; it has no other effect, so no permission is needed.</summary>
    public static void MapMachineChoice(WebApplication app) =>
        app.MapPage("GET", "/settings/machine", Need.Nothing, ChooseAsync);

    static Task ChooseAsync(HttpContext context)
    {
        var query = context.Request.Query;
        if (Read(query["memory"].ToString(), query["speed"].ToString()) is not { } machine)
            throw HubException.BadRequest("Say how many gigabytes of memory there are, and choose its speed.");
        context.Response.Cookies.Append(CookieName,
            string.Create(CultureInfo.InvariantCulture, $"{machine.Memory}x{machine.Speed}"), Sessions.Options(context, s_life));
        SignInPages.SeeOther(context, SignInPages.Next(query["next"]));
        return Task.CompletedTask;
    }
}
