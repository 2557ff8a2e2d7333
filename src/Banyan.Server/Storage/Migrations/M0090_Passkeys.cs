using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Passkeys of users.</summary>
[Migration(90, "passkeys")]
public sealed class M0090_Passkeys : Migration
{
    const int HashBytes = 32;

    /// <inheritdoc/>
    public override void Up()
    {
        Create.Table("passkeys")
            .WithColumn("credential_id").AsBinary(1023).PrimaryKey()          // as the authenticator made it
            .WithColumn("user_id").AsInt64().ForeignKey("accounts", "id").Indexed()
            .WithColumn("public_key").AsBinary(int.MaxValue)                  // COSE
            .WithColumn("name").AsString(100)
            .WithColumn("sign_count").AsInt64()                               // an authenticator that was copied counts twice
            .WithColumn("backup_eligible").AsBoolean()
            .WithColumn("backed_up").AsBoolean()
            .WithColumn("created_at").AsInt64()
            .WithColumn("used_at").AsInt64().Nullable();

        Create.Table("passkey_challenges")                                    // those that were answered: none is a second time
            .WithColumn("hash").AsBinary(HashBytes).PrimaryKey()
            .WithColumn("expires_at").AsInt64().Indexed();
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
