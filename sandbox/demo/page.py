"""The demo's control file and newsletter: table layout and inline styles, as mail programs need them; some thirty expressions."""
# ruff: noqa: E501 (a line of HTML or YAML is one thing)

JOB = """\
name: Member letter December 2026
sender:
  from: "鴻雁銀行 Hongyan Bank <letter@hongyan-bank.example>"
  reply_to: care@hongyan-bank.example
content:
  subject: "{{ name | mask_name }} {{ switch(gender, 'F', '小姐', 'M', '先生', '貴賓') }}，您有 {{ points | fmt_number('#,##0') }} 點待使用"
  preheader: "本期應繳 {{ amount | fmt_currency('TWD') }}，會員資格還有 {{ days_left }} 天"
  html: body.html
  attachments:
    - {file: attachments/terms.pdf, name: "會員條款 terms.pdf"}
  headers:
    X-Mailing: member-letter-2026-12
  unsubscribe: "https://hongyan-bank.example/unsubscribe?m={{ id }}"
  locale: zh-TW
  as_of: 2026-12-01T09:00
  seed: 20261201
  max_render_errors: 0.01
list:
  file: list.csv
  email: email
  columns: {id: text, phone: text, id_no: text, card: text, account: text, birthday: date, expires: date, opt_out: bool,
            points: int, points_expiring: int, visits: int, days_left: int, credit_limit: int,
            amount: decimal, last_amount: decimal, spent_year: decimal}
  rules: {dedupe: email, suppress: [global]}
schedule: {timezone: Asia/Taipei}
# A demo does not wait for hours: what cannot be delivered within this time ends as expired.
delivery: {pool: default, on_doubt: resend, retry_for: 30s}
"""

BODY = """\
<!DOCTYPE html>
<html lang="zh-Hant">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>鴻雁銀行 會員通訊</title>
<style>
  @media (max-width: 620px) { .wrap { width: 100% !important } .half { display: block !important; width: 100% !important } }
</style>
</head>
<body style="margin:0;padding:0;background:#eef1f5">
{{- skip_recipient(opt_out, 'the member wants no letters') -}}
{{- require(not is_empty(account), 'no account to draw from') -}}
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="background:#eef1f5">
<tr><td align="center" style="padding:24px 8px">
<table role="presentation" class="wrap" width="600" cellpadding="0" cellspacing="0" border="0"
       style="width:600px;background:#ffffff;border-radius:8px;overflow:hidden">
  <tr><td><img src="images/banner.png" width="600" alt="Hongyan Bank, member letter December 2026"
       style="display:block;width:100%;height:auto;border:0"></td></tr>

  <tr><td style="padding:28px 32px 8px;font:16px/1.8 'Noto Sans TC','PingFang TC','Microsoft JhengHei',Arial,sans-serif;color:#22304a">
    {% if lang == 'en' %}
    <p style="margin:0 0 12px;font-size:20px"><b>Dear {{ if_blank(nickname, name) }},</b></p>
    <p style="margin:0 0 12px">Thank you for being with us. This is your {{ max_of(visits, 1) | fmt_ordinal('en') }} letter
      of the season, and here is how your account stands.</p>
    {% else %}
    <p style="margin:0 0 12px;font-size:20px"><b>{{ name | mask_name }} {{ switch(gender, 'F', '小姐', 'M', '先生', '貴賓') }} 您好，</b></p>
    <p style="margin:0 0 12px">感謝您一直以來的支持。千里傳書，鴻雁為憑：以下是您本月的帳戶摘要。</p>
    {% endif %}
  </td></tr>

  <tr><td style="padding:0 32px">
  <table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="background:#f6f8fb;border-radius:6px">
  <tr>
    <td class="half" width="50%" style="padding:18px 20px;font:14px/1.6 Arial,sans-serif;color:#5a6a85">
      紅利點數 Points<br>
      <span style="font-size:28px;color:#10294f"><b>{{ points | fmt_number('#,##0') }}</b></span><br>
      等級 Tier: <b style="color:#b4622d">{{ band(points, [500, 3000, 15000], ['銅卡 Bronze', '銀卡 Silver', '金卡 Gold', '白金 Platinum']) }}</b>
    </td>
    <td class="half" width="50%" style="padding:18px 20px;font:14px/1.6 Arial,sans-serif;color:#5a6a85">
      本期應繳 Amount due<br>
      <span style="font-size:28px;color:#10294f"><b>{{ amount | fmt_currency('TWD') }}</b></span><br>
      {% if last_amount > 0 and amount > last_amount %}
      比上期多 {{ pct_change(last_amount, amount, 1) }}% more than last month
      {% elif last_amount > 0 %}
      比上期少 {{ (0 - pct_change(last_amount, amount, 1)) | round_half_up(1) }}% less than last month
      {% else %}
      您的第一期帳單 your first statement
      {% endif %}
    </td>
  </tr>
  </table>
  </td></tr>

  <tr><td style="padding:20px 32px 4px;font:15px/1.7 'Noto Sans TC','PingFang TC','Microsoft JhengHei',Arial,sans-serif;color:#22304a">
  <table role="presentation" width="100%" cellpadding="6" cellspacing="0" border="0" style="border-collapse:collapse;font-size:14px">
    <tr><td style="color:#5a6a85;border-bottom:1px solid #e3e8ef">卡號 Card</td>
        <td align="right" style="border-bottom:1px solid #e3e8ef">{{ card | mask_card }}</td></tr>
    <tr><td style="color:#5a6a85;border-bottom:1px solid #e3e8ef">扣款帳號 Account</td>
        <td align="right" style="border-bottom:1px solid #e3e8ef">{{ account | mask_account }}</td></tr>
    <tr><td style="color:#5a6a85;border-bottom:1px solid #e3e8ef">身分證字號 ID</td>
        <td align="right" style="border-bottom:1px solid #e3e8ef">{{ id_no | mask_id_tw }}</td></tr>
    <tr><td style="color:#5a6a85;border-bottom:1px solid #e3e8ef">手機 Mobile</td>
        <td align="right" style="border-bottom:1px solid #e3e8ef">{{ phone | mask_phone }}</td></tr>
    <tr><td style="color:#5a6a85;border-bottom:1px solid #e3e8ef">地址 Address</td>
        <td align="right" style="border-bottom:1px solid #e3e8ef">{{ address | mask_address }}</td></tr>
    <tr><td style="color:#5a6a85;border-bottom:1px solid #e3e8ef">信用額度使用率 Credit used</td>
        <td align="right" style="border-bottom:1px solid #e3e8ef">{{ safe_div(amount, credit_limit, 0) | fmt_percent(1) }}</td></tr>
    <tr><td style="color:#5a6a85;border-bottom:1px solid #e3e8ef">可用額度 Available</td>
        <td align="right" style="border-bottom:1px solid #e3e8ef">{{ max_of(credit_limit - amount, 0) | fmt_currency('TWD') }}</td></tr>
    <tr><td style="color:#5a6a85;border-bottom:1px solid #e3e8ef">今年消費 Spent this year</td>
        <td align="right" style="border-bottom:1px solid #e3e8ef">{{ spent_year | fmt_compact }}</td></tr>
    <tr><td style="color:#5a6a85">年度回饋 Cash back</td>
        <td align="right"><b>{{ tier_sum(spent_year, [100000, 300000], [0.005, 0.01, 0.015]) | round_half_up(0) | fmt_number('#,##0') }}</b></td></tr>
  </table>
  </td></tr>

  {% if points_expiring > 0 %}
  <tr><td style="padding:12px 32px">
    <div style="background:#fff4e8;border-left:4px solid #e99662;padding:12px 16px;font:14px/1.7 Arial,sans-serif;color:#7a4a22">
      提醒您：{{ points_expiring | fmt_number('#,##0') }} 點即將到期，可折抵 {{ points_expiring | fmt_currency('TWD') }}。
      {{ percent_of(points_expiring, points, 0) }}% of your points expire this month.</div>
  </td></tr>
  {% endif %}

  {% if between(days_left, 0, 30) %}
  <tr><td style="padding:12px 32px">
    <div style="background:#e9f2ff;border-left:4px solid #2f6fc4;padding:12px 16px;font:14px/1.7 Arial,sans-serif;color:#1d3f70">
      您的會員資格還有 {{ days_left }} 天到期（{{ expires }}）。續約即贈 {{ clamp(points // 10, 100, 2000) | fmt_number('#,##0') }} 點。
      Your membership ends in {{ days_left }} days.</div>
  </td></tr>
  {% endif %}

  <tr><td style="padding:12px 32px;font:15px/1.8 'Noto Sans TC','PingFang TC','Microsoft JhengHei',Arial,sans-serif;color:#22304a">
    {% if ab_split(id, [50, 50], ['A', 'B']) == 'A' %}
    <p style="margin:0 0 12px"><b>歲末購物季</b>：十二月單筆滿 NT$3,000 享三期零利率，全館適用。</p>
    {% else %}
    <p style="margin:0 0 12px"><b>溫泉旅宿專案</b>：十二月平日入住北投、礁溪合作飯店享七折，名額有限。</p>
    {% endif %}
    {% if in_list(city, '台北市', '新北市', '桃園市') %}
    <p style="margin:0 0 12px">北部會員專屬：{{ city }}合作門市週末點數兩倍送。</p>
    {% elif in_list(city, '台中市', '新竹市') %}
    <p style="margin:0 0 12px">{{ city }}會員專屬：高鐵票九折，滿額加贈 {{ random_int(id, 50, 300) }} 點。</p>
    {% else %}
    <p style="margin:0 0 12px">{{ city }}會員專屬：機場接送免費升等，滿額加贈 {{ random_int(id, 50, 300) }} 點。</p>
    {% endif %}
    <p style="margin:0 0 4px;font-size:13px;color:#5a6a85">登記生日 {{ birthday | mask_birthday }}，當月消費享
      {{ iif(points >= 15000, '五', iif(points >= 3000, '三', '兩')) }}倍點數。</p>
  </td></tr>

  <tr><td align="center" style="padding:16px 32px 28px">
    <a href="https://hongyan-bank.example/points?m={{ id }}"
       style="display:inline-block;background:#10294f;color:#ffffff;text-decoration:none;padding:12px 36px;border-radius:24px;
              font:16px Arial,sans-serif">查看我的點數 My points</a>
  </td></tr>

  <tr><td style="padding:20px 32px;background:#f6f8fb;font:12px/1.7 Arial,sans-serif;color:#7a879c">
    <table role="presentation" cellpadding="0" cellspacing="0" border="0"><tr>
      <td width="60" valign="top"><img src="images/logo.png" width="48" height="48" alt="" style="display:block;border:0"></td>
      <td style="font:12px/1.7 Arial,sans-serif;color:#7a879c">
        本信寄給會員 {{ email | mask_email }}（編號 {{ id | mask_keep(3, 3) }}）。鴻雁銀行不會以電子郵件詢問您的密碼。<br>
        Hongyan Bank is invented for this sample. 會員條款見附件 terms.pdf。
        <a href="https://hongyan-bank.example/unsubscribe?m={{ id }}" style="color:#7a879c">取消訂閱 Unsubscribe</a>
      </td></tr></table>
  </td></tr>
</table>
</td></tr>
</table>
</body>
</html>
"""
