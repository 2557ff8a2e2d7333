using System.Data;
using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Signing in by a browser: sessions, passwords, and links that work once.</summary>
[Migration(50, "signing in")]
public sealed class M0050_SignIn : Migration
{
    const int HashBytes = 32;

    /// <inheritdoc/>
    public override void Up()
    {
        Create.Table("sessions")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("user_id").AsInt64().ForeignKey("accounts", "id").Indexed()
            .WithColumn("hash").AsBinary(HashBytes).Unique()                  // SHA-256 of the cookie, which is never kept
            .WithColumn("token_id").AsInt64().Nullable().ForeignKey("tokens", "id")   // the token that began it: it ends with that
            .WithColumn("agent").AsString(200).Nullable()
            .WithColumn("created_at").AsInt64()
            .WithColumn("expires_at").AsInt64().Indexed();

        Create.Table("passwords")
            .WithColumn("user_id").AsInt64().PrimaryKey().ForeignKey("accounts", "id")
            .WithColumn("hash").AsString(200)                                 // Argon2id with its parameters and salt
            .WithColumn("changed_at").AsInt64();

        Create.Table("sign_in_links")
            .WithColumn("hash").AsBinary(HashBytes).PrimaryKey()              // SHA-256 of the code
            .WithColumn("kind").AsString(16)                                  // first (makes the administrator), invitation, user
            .WithColumn("user_id").AsInt64().Nullable().ForeignKey("accounts", "id")
            .WithColumn("expires_at").AsInt64().Indexed();
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
