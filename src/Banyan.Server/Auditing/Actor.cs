using Banyan.Server.Access;
using Banyan.Server.Accounts;

namespace Banyan.Server.Auditing;

/// <summary>Who makes a change. It flows through the request or command, as the current culture does.</summary>
/// <param name="Id">The user's account; null if there is none.</param>
/// <param name="Name">The user's name; for others a name in parentheses, which no user's name contains.</param>
public sealed record Actor(long? Id, string Name)
{
    static readonly AsyncLocal<Actor?> s_present = new();

    /// <summary>The hub itself: its jobs.</summary>
    public static Actor Hub { get; } = new(null, "(hub)");

    /// <summary>A caller without credentials.</summary>
    public static Actor Anonymous { get; } = new(null, "(anonymous)");

    /// <summary>The operator, through commands on the hub's machine.</summary>
    public static Actor Command { get; } = new(null, $"(command: {Environment.UserName})");

    /// <summary>The current actor.</summary>
    public static Actor Present => s_present.Value ?? Hub;

    /// <summary>Sets who acts in everything that this method calls.</summary>
    public static void Act(Actor actor) => s_present.Value = actor;

    /// <inheritdoc cref="Act(Actor)"/>
    internal static void Act(Caller caller) => Act(caller.IsAnonymous ? Anonymous : new(caller.UserId, caller.Name));

    /// <inheritdoc cref="Act(Actor)"/>
    internal static void Act(Account account) => Act(new Actor(account.Id, account.Name));
}
