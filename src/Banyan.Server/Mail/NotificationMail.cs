using Banyan.Server.Jobs;
using Banyan.Server.Notifications;
using Banyan.Server.Pages.Languages;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Mail;

/// <summary>Mails users, if they want that, the notifications that are still unread after a few minutes: one mail for all of
/// them.</summary>
sealed class NotificationMail(HubDatabase database, MailQueue queue, NotificationStore notifications, RepoStore repos, TimeProvider time)
    : Job
{
    const int Batch = 100, MaxRows = 20;

    static readonly TimeSpan s_wait = TimeSpan.FromMinutes(2);

    const string Waiting = """
        FROM mail_choices m JOIN accounts a ON a.id = m.user_id
        WHERE a.email IS NOT NULL AND a.suspended_at IS NULL AND EXISTS (SELECT 1 FROM notifications n WHERE n.user_id = m.user_id AND n.unread = @yes AND n.at > m.told_until AND n.at <= @until)
        """;

    /// <inheritdoc/>
    public override string Name => "notification-mail";

    /// <inheritdoc/>
    public override string Purpose => "Tells users by mail of what they have not read";

    /// <inheritdoc/>
    public override TimeSpan Every => TimeSpan.FromSeconds(30);

    long Until => (time.GetUtcNow() - s_wait).ToUnixTimeMilliseconds();

    /// <inheritdoc/>
    public override async Task<bool> IsWaitingAsync(CancellationToken cancellationToken) =>
        queue.IsOn
        && await database.ReadAsync(c => c.ExecuteScalarAsync<bool>($"SELECT EXISTS (SELECT 1 {Waiting})",
            new { yes = true, until = Until }), cancellationToken);

    /// <inheritdoc/>
    public override async Task RunAsync(JobRun run, CancellationToken cancellationToken)
    {
        var until = Until;
        while (await database.ReadAsync(async c => (await c.QueryAsync<(long User, string Email, string Language, long ToldUntil)>(
            $"SELECT m.user_id, a.email, m.language, m.told_until {Waiting} ORDER BY m.user_id LIMIT @Batch",
            new { yes = true, until, Batch })).AsList(), cancellationToken) is { Count: > 0 } users)
            foreach (var (user, email, tag, told) in users)
                await TellAsync(user, email, PageLanguage.Find(tag) ?? PageLanguage.English, told, until, cancellationToken);
    }

    async Task TellAsync(long user, string email, PageLanguage language, long told, long until, CancellationToken cancellationToken)
    {
        var lines = new List<string>();
        foreach (var one in await notifications.ListAsync(user, onlyUnread: true, null, MaxRows, cancellationToken))
            if (one.At > told && one.At <= until && await repos.FindAsync(one.RepoId, cancellationToken) is { } repo
                && new NotificationRow(one, repo) is var row)
                lines.Add($"{repo.FullName}: {row.What(language)}\n{queue.Hub}{row.Address}");
        await database.WriteAsync(async t =>
        {
            // Somebody else may have told it meanwhile.
            if (await t.ExecuteAsync("UPDATE mail_choices SET told_until = @until WHERE user_id = @user AND told_until = @told",
                new { user, until, told }) == 1 && lines.Count > 0)
                await queue.AddAsync(t, email, language.Many("mail.news.subject", lines.Count),
                    language.Say("mail.news.text", ("list", string.Join("\n\n", lines)), ("inbox", $"{queue.Hub}/notifications"),
                        ("settings", $"{queue.Hub}/settings/mail")), language);
        }, cancellationToken);
    }
}
