using System.Data.Common;
using Banyan.Server.Hub;
using Banyan.Server.Pages.Languages;
using Banyan.Server.Storage.Databases;
using Dapper;
using MimeKit;

namespace Banyan.Server.Mail;

/// <summary>
/// Mail that waits in the database until <see cref="MailJob"/> has sent it. Addresses are kept there and on accounts, and in no log.
/// </summary>
sealed class MailQueue(HubDatabase database, HubOptions options, TimeProvider time)
{
    const int MaxWaiting = 20_000;

    /// <summary>The longest address.</summary>
    public const int MaxAddress = 320;

    /// <summary>Whether this hub sends mail.</summary>
    public bool IsOn => options.Mail is not null;

    /// <summary>The hub's address in links: what is configured, never what a request claims.</summary>
    public string Hub => options.PublicUrl!.TrimEnd('/');

    /// <summary>An address as mail takes it, or null if it is none.</summary>
    public static string? Checked(string address) =>
        address.Trim() is { Length: > 3 and <= MaxAddress } text && MailboxAddress.TryParse(text, out var mailbox)
        && mailbox.Address == text && text.IndexOf('@') > 0 && !text.Any(char.IsControl) ? text : null;

    /// <summary>Adds a mail in a transaction.</summary>
    public Task AddAsync(DbTransaction t, string recipient, string subject, string? body, PageLanguage language) => t.ExecuteAsync(
        $"INSERT INTO mails (recipient, subject, body, language, made_at, due_at, tries) SELECT @recipient, @subject, @body, @Tag, @now, @now, 0 WHERE (SELECT COUNT(*) FROM mails) < {MaxWaiting}",
        new
        {
            recipient,
            subject = subject.Length > 200 ? subject[..200] : subject,
            body,
            language.Tag,
            now = time.GetUtcNow().ToUnixTimeMilliseconds()
        });

    /// <summary>Adds a mail.</summary>
    public Task AddAsync(string recipient, string subject, string? body, PageLanguage language, CancellationToken cancellationToken) =>
        database.WriteAsync(t => AddAsync(t, recipient, subject, body, language), cancellationToken);

    /// <summary>A user's address, and whether notifications are mailed.</summary>
    public async Task<MailView> ViewAsync(long user, CancellationToken cancellationToken)
    {
        var (address, notifies) = await database.ReadAsync(
            c => c.QuerySingleAsync<(string?, bool)>(
                "SELECT email, EXISTS (SELECT 1 FROM mail_choices m WHERE m.user_id = a.id) FROM accounts a WHERE id = @user",
                new { user }), cancellationToken);
        return new(address, notifies, null, "");
    }

    /// <summary>Queues a password reset. Whether the account exists is checked later, so that neither the answer nor its timing reveals
    /// it.</summary>
    public Task ForgotAsync(string nameOrAddress, PageLanguage language, CancellationToken cancellationToken) =>
        AddAsync(nameOrAddress, "", null, language, cancellationToken);
}
