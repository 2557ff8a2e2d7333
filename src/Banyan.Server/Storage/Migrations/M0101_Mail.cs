using System.Data;
using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Mail that waits to be sent, and who wants to be told by mail.</summary>
[Migration(101, "mail")]
public sealed class M0101_Mail : Migration
{
    /// <inheritdoc/>
    public override void Up()
    {
        Create.Table("mails")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            // an address; of a forgotten password what was typed, a name or an address
            .WithColumn("recipient").AsString(320)
            .WithColumn("subject").AsString(200)
            // null: a forgotten password, whose account is yet to be found
            .WithColumn("body").AsString(int.MaxValue).Nullable()
            .WithColumn("language").AsString(8)
            .WithColumn("made_at").AsInt64()
            .WithColumn("due_at").AsInt64().Indexed()
            .WithColumn("tries").AsInt32();

        Create.Table("mail_choices")                                          // users who want their notifications by mail
            .WithColumn("user_id").AsInt64().PrimaryKey().ForeignKey("accounts", "id").OnDelete(Rule.Cascade)
            .WithColumn("language").AsString(8)
            .WithColumn("told_until").AsInt64();                              // what happened before is not told again

        Execute.Sql("CREATE INDEX accounts_by_email ON accounts (LOWER(email))");
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
